/** A process of `process-cell.test.ts`: it ends at once. */
process.exit(3)
