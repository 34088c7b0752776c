CREATE TABLE IF NOT EXISTS payment (
  payment_key TEXT PRIMARY KEY,
  incarnation INTEGER NOT NULL,
  status_version INTEGER NOT NULL,
  status TEXT NOT NULL,
  finality TEXT NOT NULL,
  kind TEXT NOT NULL,
  amount TEXT,
  currency TEXT
);

-- The last step that was acted on. It outlives the payment: a record of `changes` may be read after the tombstone in `current`.
CREATE TABLE IF NOT EXISTS step (
  payment_key TEXT PRIMARY KEY,
  incarnation INTEGER NOT NULL,
  status_version INTEGER NOT NULL
);

-- Has a row once the table was filled from the start.
CREATE TABLE IF NOT EXISTS filled (at INTEGER NOT NULL);
