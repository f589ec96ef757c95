import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { Job, Stage } from '../api/client';

/** One thing to press. */
export interface IStageAction {
  label: string;
  caption: string;
  isEnabled: boolean;
  /** Whether it is the step that the road wants next. */
  isNext?: boolean;
  onClick: () => void;
}

export interface IStageRowProps {
  stage: Stage;
  title: string;
  actions: IStageAction[];
  /** The stage's job that is under way, if any. */
  job: Job | null;
  onReport: (() => void) | null;
  trans: TranslationBundle;
}

const SIGNS: Record<Stage['state'], string> = {
  done: '✓',
  failed: '✕',
  stale: '↻',
  todo: '○',
  blocked: '·',
  optional: '–',
  damaged: '!'
};

/** A stage: its state in a sign and in words, what came of it last, what is missing, its buttons. */
export function StageRow(props: IStageRowProps): React.ReactElement {
  const { stage, trans } = props;
  const state = props.job ? trans.__('at work') : stateInWords(stage.state, trans);
  return (
    <li className="jp-nbprod-stage" data-stage={stage.name} data-state={stage.state}>
      <div className="jp-nbprod-stage-head">
        <span className="jp-nbprod-sign" aria-hidden="true">
          {props.job ? '…' : SIGNS[stage.state]}
        </span>
        <span className="jp-nbprod-stage-title">{props.title}</span>
        <span className="jp-nbprod-stage-state">{state}</span>
        <span className="jp-nbprod-stage-actions">
          {props.actions.map(action => (
            <button
              key={action.label}
              type="button"
              className={`jp-mod-styled ${action.isNext ? 'jp-mod-accept' : 'jp-mod-reject'}`}
              title={action.caption}
              disabled={!action.isEnabled}
              onClick={action.onClick}
            >
              {action.label}
            </button>
          ))}
        </span>
      </div>
      {stage.detail && <div className="jp-nbprod-stage-detail">{stage.detail}</div>}
      {stage.missing && <div className="jp-nbprod-stage-missing">{stage.missing}</div>}
      {props.onReport && (
        <button type="button" className="jp-nbprod-link" onClick={props.onReport}>
          {trans.__('Open report: %1', props.title)}
        </button>
      )}
    </li>
  );
}

/** A state in words: never a sign or a colour alone. */
export function stateInWords(state: Stage['state'], trans: TranslationBundle): string {
  return {
    done: trans.__('done'),
    failed: trans.__('not passed'),
    stale: trans.__('out of date'),
    todo: trans.__('to do'),
    blocked: trans.__('waits'),
    optional: trans.__('not needed'),
    damaged: trans.__('damaged')
  }[state];
}
