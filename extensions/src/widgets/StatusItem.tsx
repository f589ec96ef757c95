import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { Stage } from '../api/client';
import { stateInWords } from './StageRow';

export interface IStatusItemProps {
  parity: Stage | undefined;
  health: Stage | undefined;
  running: number;
  onClick: () => void;
  trans: TranslationBundle;
}

/** The project in one line: parity, health, jobs at work; a press opens the road. */
export function StatusItem(props: IStatusItemProps): React.ReactElement {
  const { trans } = props;
  const told = [
    props.parity && trans.__('parity: %1', stateInWords(props.parity.state, trans)),
    props.health && trans.__('health: %1', stateInWords(props.health.state, trans)),
    props.running > 0 && trans._n('%1 job', '%1 jobs', props.running)
  ].filter(Boolean);
  const text = told.join(' · ');
  return (
    <button
      type="button"
      className="jp-nbprod-status-button"
      title={trans.__('nbprod: %1. Show the road to production', text)}
      onClick={props.onClick}
    >
      nbprod {text}
    </button>
  );
}
