import { describe, expect, test } from 'vitest'
import { RedisUnavailableError, toUnavailable } from '../../src/redis/redis-errors.ts'

describe('the error of an unusable Redis', () => {
  test.each([
    ["OOM command not allowed when used memory > 'maxmemory'.", 'REDIS_OUT_OF_MEMORY', /maxmemory is reached/],
    ['MISCONF Redis is configured to save RDB snapshots', 'REDIS_REFUSES_WRITES', /check its disk/],
    ['NOREPLICAS Not enough good replicas to write.', 'REDIS_REFUSES_WRITES', /min-replicas-to-write/],
    ['WRONGPASS invalid username-password pair', 'REDIS_REFUSED', /redis\.username and redis\.password/],
    ['NOAUTH Authentication required.', 'REDIS_REFUSED', /redis\.username and redis\.password/],
    ["NOPERM this user has no permissions to run the 'hlen' command", 'REDIS_REFUSED', /topics acls/],
    ['DENIED Redis is running in protected mode', 'REDIS_REFUSED', /protected-mode/],
    ['ERR max number of clients reached', 'REDIS_REFUSED', /maxclients/],
    ['unable to verify the first certificate', 'REDIS_REFUSED', /redis\.tls/],
    ['MOVED 3999 10.0.0.7:6381', 'REDIS_IS_A_CLUSTER', /redis\.cluster instead of redis\.url/],
    ['ASK 3999 10.0.0.7:6381', 'REDIS_IS_A_CLUSTER', /redis\.cluster/],
    ["CROSSSLOT Keys in request don't hash to the same slot", 'REDIS_IS_A_CLUSTER', /redis\.cluster/],
    ['ERR This instance has cluster support disabled', 'REDIS_IS_NO_CLUSTER', /redis\.url or redis\.sentinel/],
    ["READONLY You can't write against a read only replica.", 'REDIS_IS_READ_ONLY', /configure the primary/],
    ['MASTERDOWN Link with MASTER is down', 'REDIS_IS_READ_ONLY', /lost its primary/],
    ['LOADING Redis is loading the dataset in memory', 'REDIS_IS_LOADING', /resolves by itself/],
    ['CLUSTERDOWN The cluster is down', 'REDIS_CLUSTER_IS_DOWN', /a primary has failed/],
    ['CLUSTERDOWN Hash slot not served', 'REDIS_CLUSTER_IS_DOWN', /redis-cli cluster nodes/],
    ['TRYAGAIN Multiple keys request during rehashing of slot', 'REDIS_CLUSTER_IS_DOWN', /moving our keys/],
    ['WRONGTYPE Operation against a key holding the wrong kind of value', 'REDIS_HOLDS_OTHER_DATA', /delete the keys/],
    [
      'ERR Error running script (call to f_1): @user_script:2: WRONGTYPE Operation against a key',
      'REDIS_HOLDS_OTHER_DATA',
      /something else writes/,
    ],
    ['BUSY Redis is busy running a script.', 'REDIS_IS_BUSY', /SCRIPT KILL/],
    ["ERR unknown command 'ZMSCORE', with args beginning with: ", 'REDIS_IS_TOO_OLD', /6\.2 or newer/],
    ['All sentinels are unreachable. Retrying from scratch after 10ms.', 'REDIS_SENTINEL', /redis\.sentinel/],
    ['connect ECONNREFUSED 127.0.0.1:6379', 'REDIS_UNREACHABLE', /^Redis does not answer/],
    ['Command timed out', 'REDIS_UNREACHABLE', /^Redis does not answer/],
  ])('%s is reported as %s, in a sentence that ends with the original text', (text, code, sentence) => {
    const error = toUnavailable(new Error(text))
    expect(error).toMatchObject({ code, retriable: true })
    expect(error.message).toMatch(sentence)
    expect(error.message.endsWith(text)).toBe(true)
    expect(error.message.startsWith('Redis does not answer')).toBe(code === 'REDIS_UNREACHABLE')
  })

  test('of a cluster is that of its last node', () => {
    const lastNodeError = new Error('WRONGPASS invalid username-password pair')
    const failed = Object.assign(new Error('Failed to refresh slots cache.'), { lastNodeError })
    expect(toUnavailable(failed).code).toBe('REDIS_REFUSED')
    const redirected = new Error(
      'Too many Cluster redirections. Last error: ReplyError: CLUSTERDOWN The cluster is down',
    )
    expect(toUnavailable(redirected).code).toBe('REDIS_CLUSTER_IS_DOWN')
  })

  test('stays unchanged if it is already one of ours', () => {
    const error = new RedisUnavailableError('REDIS_EVICTS', 'Redis may evict')
    expect(toUnavailable(error)).toBe(error)
  })
})
