import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { CellSummary, Finding, QuickFix } from '../api/client';

export interface IFindingListProps {
  findings: readonly Finding[];
  /** The cell that a finding is about, where it is known. */
  cellOf: (cellId: string) => CellSummary | undefined;
  fixesOf: (finding: Finding) => QuickFix[];
  onPlace: (cellId: string, line: number | null) => void;
  onFix: (fix: QuickFix) => void;
  trans: TranslationBundle;
}

/** How many more are drawn at a press: more than a person reads at once. */
const PAGE = 100;

/** The findings of the open notebook: severity in words, code, message, next step, fixes. */
export function FindingList(props: IFindingListProps): React.ReactElement {
  const { findings, trans } = props;
  const [shown, show] = React.useState(PAGE);
  const rest = findings.length - shown;
  return (
    <ul className="jp-nbprod-findings">
      {findings.slice(0, shown).map((finding, index) => (
        <li key={index} data-severity={finding.severity}>
          <div>
            <span className="jp-nbprod-severity">{severityInWords(finding.severity, trans)}</span>{' '}
            <code>{finding.code}</code> {finding.message}
          </div>
          {finding.hint && <div className="jp-nbprod-stage-missing">{finding.hint}</div>}
          <div className="jp-nbprod-job-actions">
            {finding.cell_id && (
              <button
                type="button"
                className="jp-nbprod-link"
                onClick={() => props.onPlace(finding.cell_id ?? '', finding.line)}
              >
                {placeInWords(finding, props)}
              </button>
            )}
            {props.fixesOf(finding).map(fix => (
              <button
                key={fix.title}
                type="button"
                className="jp-nbprod-link"
                onClick={() => props.onFix(fix)}
              >
                {trans.__('Fix: %1', fix.title)}
              </button>
            ))}
          </div>
        </li>
      ))}
      {rest > 0 && (
        <li>
          <button type="button" className="jp-nbprod-link" onClick={() => show(shown + PAGE)}>
            {trans._n('and %1 more', 'and %1 more', rest)}
          </button>
        </li>
      )}
    </ul>
  );
}

/** Where a finding is, by what a person sees of a cell: its number, its role. */
function placeInWords(finding: Finding, props: IFindingListProps): string {
  const { trans } = props;
  const cell = props.cellOf(finding.cell_id ?? '');
  const number = (cell?.index ?? 0) + 1;
  const known = cell?.role ? trans.__('cell %1 (%2)', number, cell.role) : trans.__('cell %1', number);
  const name = cell ? known : trans.__('the cell');
  return finding.line
    ? trans.__('Show %1, line %2', name, finding.line)
    : trans.__('Show %1', name);
}

/** A severity in a word: never a colour alone. */
export function severityInWords(
  severity: Finding['severity'],
  trans: TranslationBundle
): string {
  return {
    error: trans.__('error'),
    warning: trans.__('warning'),
    info: trans.__('note')
  }[severity];
}
