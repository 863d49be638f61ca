/** What one standard's run over its outside vectors came to; every miss has a line in `notes`. */
export interface ConformanceResult {
  standard: string;
  passed: number;
  failed: number;
  skipped: number;
  notes: string[];
}
