/** Tells people. Never throws: a notification that fails is reported in the run, it does not fail it. */
export interface Notifier {
  notify(message: {
    readonly severity: 'info' | 'warning' | 'critical';
    readonly title: string;
    readonly text: string;
  }): Promise<void>;
}
