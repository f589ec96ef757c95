import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { Finding, Stage } from '../api/client';
import { stateInWords } from './StageRow';

export interface IStatusItemProps {
  parity: Stage | undefined;
  health: Stage | undefined;
  /** Of the open notebook. */
  findings: readonly Finding[];
  running: number;
  onClick: () => void;
  onFindings: () => void;
  trans: TranslationBundle;
}

/**
 * The open notebook in one line: its findings, its project's parity and health, jobs at work.
 *
 * A press opens the findings, or the road.
 */
export function StatusItem(props: IStatusItemProps): React.ReactElement {
  const { trans } = props;
  const told = [
    props.parity && trans.__('parity: %1', stateInWords(props.parity.state, trans)),
    props.health && trans.__('health: %1', stateInWords(props.health.state, trans)),
    props.running > 0 && trans._n('%1 job', '%1 jobs', props.running)
  ].filter(Boolean);
  const text = told.join(' · ');
  const count = countInWords(props.findings, trans);
  return (
    <>
      {count && (
        <button
          type="button"
          className="jp-nbprod-status-button"
          title={trans.__('nbprod: %1 in this notebook. Show them', count)}
          onClick={props.onFindings}
        >
          {count}
        </button>
      )}
      <button
        type="button"
        className="jp-nbprod-status-button"
        title={trans.__('nbprod: %1. Show the road to production', text)}
        onClick={props.onClick}
      >
        nbprod {text}
      </button>
    </>
  );
}

/** How many findings of each severity; "" without one. */
function countInWords(findings: readonly Finding[], trans: TranslationBundle): string {
  const count = (severity: Finding['severity']): number =>
    findings.filter(finding => finding.severity === severity).length;
  const [errors, warnings, notes] = [count('error'), count('warning'), count('info')];
  return [
    errors && trans._n('%1 error', '%1 errors', errors),
    warnings && trans._n('%1 warning', '%1 warnings', warnings),
    notes && trans._n('%1 note', '%1 notes', notes)
  ]
    .filter(Boolean)
    .join(', ');
}
