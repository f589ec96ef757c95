import * as React from 'react';

import type { Job, Stage } from '../../api/client';
import { StageRow, stateInWords } from '../../widgets/StageRow';
import { render } from '../render';
import { trans } from '../trans';

const stage = (state: Stage['state']): Stage =>
  ({ name: 'gate', state, detail: 'failed on auc', missing: 'train first', record: null }) as unknown as Stage;
const STATES: Stage['state'][] = ['done', 'failed', 'stale', 'todo', 'blocked', 'optional', 'damaged'];

describe('a stage', () => {
  const draw = (state: Stage['state'], job: Job | null = null, isEnabled = true) => {
    const on = { onClick: jest.fn(), onReport: jest.fn() };
    const action = { label: 'Run gate', caption: 'judge it', isEnabled, isNext: true, onClick: on.onClick };
    const row = (
      <StageRow
        {...{ stage: stage(state), title: 'Gate', actions: [action], job, trans }}
        onReport={on.onReport}
      />
    );
    return { ...on, ...render(row) };
  };

  it('says each state in another word and another sign', () => {
    const signs = STATES.map(state => draw(state).host.querySelector('.jp-nbprod-sign')?.textContent);
    expect(new Set(signs).size).toBe(STATES.length);
    expect(new Set(STATES.map(state => stateInWords(state, trans))).size).toBe(STATES.length);
  });

  it('has its buttons, what came of it, and what is missing', () => {
    const { host, press, onClick, onReport } = draw('failed');
    expect(host.textContent).toContain('failed on auc');
    expect(host.textContent).toContain('train first');
    press('Run gate');
    expect(onClick).toHaveBeenCalled();
    press('Open report: Gate');
    expect(onReport).toHaveBeenCalled();
    expect(draw('todo', null, false).host.querySelector<HTMLButtonElement>('button')?.disabled).toBe(true);
  });

  it('is at work while a job of it is', () => {
    const { host } = draw('stale', { id: '1' } as Job);
    expect(host.querySelector('.jp-nbprod-stage-state')?.textContent).toBe('at work');
  });
});
