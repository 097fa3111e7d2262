import { z } from 'zod';

/** How far a long piece of work is. `total` is absent while it is not known; unit decides how it is printed. */
export const progress = z.object({
  done: z.number().nonnegative(),
  total: z.number().nonnegative().optional(),
  unit: z.enum(['bytes', 'items']),
  label: z.string().optional(),
});
export type Progress = z.infer<typeof progress>;

export type ReportProgress = (progress: Progress) => void;
