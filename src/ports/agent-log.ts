/** Where an agent says what it does: one line per event, with fields. Secrets that are known to the process are left out. Never throws. */
export interface AgentLog {
  write(event: string, fields?: Readonly<Record<string, unknown>>): void;
}
