import type { Finding, Job, QuickFix } from '../api/client';

/**
 * Each cell's number as Lab's status bar counts them, from 1; by cell id.
 *
 * The server names cells by their ids, which Lab shows nowhere.
 */
export type CellNumbers = ReadonlyMap<string, number>;

export function cellNumbers(model: { cells: Iterable<{ id: string }> }): CellNumbers {
  return new Map(Array.from(model.cells, (cell, index) => [cell.id, index + 1]));
}

/** A text of the server with `cell 5` where it says `cell <id>`. */
export function withNumbers(text: string, numbers: CellNumbers): string {
  return text.replace(/\bcell ([\w-]+)/g, (whole, id: string) => {
    const number = numbers.get(id);
    return number === undefined ? whole : `cell ${number}`;
  });
}

/** A finding in words that name cells by their numbers. */
export function findingWithNumbers(finding: Finding, numbers: CellNumbers): Finding {
  const { message, hint } = finding;
  return {
    ...finding,
    message: withNumbers(message, numbers),
    hint: withNumbers(hint, numbers)
  };
}

/** A fix whose title names cells by their numbers. */
export function fixWithNumbers(fix: QuickFix, numbers: CellNumbers): QuickFix {
  return { ...fix, title: withNumbers(fix.title, numbers) };
}

/** A job whose error names cells by their numbers. */
export function jobWithNumbers(job: Job, numbers: CellNumbers): Job {
  const { error } = job;
  if (!error) {
    return job;
  }
  const detail = withNumbers(error.detail, numbers);
  return { ...job, error: { ...error, detail, hint: withNumbers(error.hint, numbers) } };
}

const ORDER: Record<Finding['severity'], number> = { error: 0, warning: 1, info: 2 };

/** Findings as a person reads them: what is wrong first, then in the notebook's order. */
export function inOrder(findings: readonly Finding[], numbers: CellNumbers): Finding[] {
  const key = (finding: Finding): number[] => [
    ORDER[finding.severity],
    numbers.get(finding.cell_id ?? '') ?? 0,
    finding.line ?? 0
  ];
  return findings
    .map(finding => ({ finding, key: key(finding) }))
    .sort((a, b) => a.key[0] - b.key[0] || a.key[1] - b.key[1] || a.key[2] - b.key[2])
    .map(item => item.finding);
}
