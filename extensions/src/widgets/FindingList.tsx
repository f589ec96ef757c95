import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { Finding, QuickFix } from '../api/client';

export interface IFindingListProps {
  findings: readonly Finding[];
  fixesOf: (finding: Finding) => QuickFix[];
  onPlace: (cellId: string, line: number | null) => void;
  onFix: (fix: QuickFix) => void;
  trans: TranslationBundle;
}

/** More than a person reads; the rest is counted. */
const MOST_SHOWN = 100;

/** The findings of the open notebook: severity in words, code, message, next step, fixes. */
export function FindingList(props: IFindingListProps): React.ReactElement {
  const { findings, trans } = props;
  const rest = findings.length - MOST_SHOWN;
  return (
    <ul className="jp-nbprod-findings">
      {findings.slice(0, MOST_SHOWN).map((finding, index) => (
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
                {finding.line
                  ? trans.__('Show the cell, line %1', finding.line)
                  : trans.__('Show the cell')}
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
      {rest > 0 && <li>{trans._n('and %1 more', 'and %1 more', rest)}</li>}
    </ul>
  );
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
