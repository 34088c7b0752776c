import type { DatabaseSync } from 'node:sqlite'
import type { ChangeStore } from './change-store.ts'
import type { Version } from './version.ts'

/**
 * A {@link ChangeStore} in a SQLite database: a table of versions beside the tables of the subscriber, in one transaction with
 * them. The handler gets the database; it must do its work in it without beginning transactions of its own.
 *
 * @param table Created if it does not exist.
 */
export function sqliteStore(database: DatabaseSync, table = 'paystatus_versions'): ChangeStore<DatabaseSync> {
  if (!/^[A-Za-z_]\w*$/.test(table)) {
    throw new TypeError('the name of the table must be a plain identifier')
  }
  database.exec(`CREATE TABLE IF NOT EXISTS ${table} (
    payment_key TEXT PRIMARY KEY, incarnation INTEGER NOT NULL, status_version INTEGER NOT NULL) STRICT`)
  const find = database.prepare(
    `SELECT incarnation, status_version AS statusVersion FROM ${table} WHERE payment_key = ?`,
  )
  const put = database.prepare(`INSERT INTO ${table} VALUES (?, ?, ?) ON CONFLICT (payment_key) DO UPDATE
    SET incarnation = excluded.incarnation, status_version = excluded.status_version`)
  // A connection has one transaction at a time.
  let last: Promise<void> = Promise.resolve()
  return {
    transaction(work) {
      const turn = last
        .catch(() => {})
        .then(async () => {
          // Takes the lock for writing at once, so that two processes cannot both read an old version.
          database.exec('BEGIN IMMEDIATE')
          try {
            await work(database)
            database.exec('COMMIT')
          } catch (error) {
            database.exec('ROLLBACK')
            throw error
          }
        })
      last = turn
      return turn
    },
    versionOf: (_, paymentKey) => find.get(paymentKey) as Version | undefined,
    setVersion: (_, paymentKey, { incarnation, statusVersion }) => {
      put.run(paymentKey, incarnation, statusVersion)
    },
  }
}
