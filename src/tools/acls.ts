import { type CommandOptions, kafkaAclCommand, kafkaAcls, redisAclCommand, redisAcls } from '../acls.ts'
import type { Config } from '../config.ts'
import { topicNames } from '../topics.ts'

/** The permissions of every role of this installation; needs no servers. */
export function aclsOf(config: Config, principalPrefix: string) {
  const scope = {
    topics: topicNames(config.kafka.topicPrefix),
    environment: config.environment,
    normalizerGroup: config.normalizer.group,
    processorGroup: config.processor.group,
  }
  const options: CommandOptions = { brokers: config.kafka.brokers, principalPrefix }
  return {
    kafka: kafkaAcls(scope).map((acl) => ({
      ...acl,
      principal: principalPrefix + acl.role,
      command: kafkaAclCommand(acl, options),
    })),
    redis: redisAcls(scope).map((acl) => ({ ...acl, command: redisAclCommand(acl, options) })),
  }
}

/** Formats them as a shell script with comments. */
export function aclLines({ kafka, redis }: ReturnType<typeof aclsOf>): readonly string[] {
  const lines = ['# Kafka: sufficient with allow.everyone.if.no.acl.found=false']
  let heading = ''
  for (const { role, reason, command } of kafka) {
    if (heading !== `${role} ${reason}`) {
      heading = `${role} ${reason}`
      lines.push(`# ${role}: ${reason}`)
    }
    lines.push(command)
  }
  lines.push("# Redis: then give each user a password with redis-cli ACL SETUSER <user> '>password'")
  for (const { role, reason, command } of redis) {
    lines.push(`# ${role}: ${reason}`, command)
  }
  return lines
}
