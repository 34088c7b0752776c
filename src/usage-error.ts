/** What the user wrote is wrong: options, files or configuration. The command line prints the message and exits with 2. */
export abstract class UsageError extends Error {}
