/** Where an agent says what it does: one line per event, with fields. Never given a secret. Never throws. */
export interface AgentLog {
  write(event: string, fields?: Readonly<Record<string, unknown>>): void;
}
