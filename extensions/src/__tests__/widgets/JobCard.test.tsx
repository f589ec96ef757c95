import * as React from 'react';
import { act } from 'react-dom/test-utils';

import type { Job } from '../../api/client';
import { JobCard } from '../../widgets/JobCard';
import { render } from '../render';
import { trans } from '../trans';

const given = (changes: object): Job =>
  ({
    id: '1',
    verb: 'train',
    command: ['nbprod', 'train'],
    state: 'running',
    passed: null,
    progress: null,
    error: null,
    report: '',
    ...changes
  }) as unknown as Job;

describe('a job', () => {
  const draw = (changes: object, hasReport = false) => {
    const on = { onCancel: jest.fn(), onPlace: jest.fn(), onReport: jest.fn() };
    const readLog = jest.fn(async () => ({ text: 'fold 1', next_offset: 6, complete: true }));
    const report = hasReport ? on.onReport : null;
    return {
      ...on,
      readLog,
      ...render(<JobCard job={given(changes)} {...{ ...on, readLog, trans }} onReport={report} />)
    };
  };

  it.each([
    [{ state: 'waiting' }, 'waits for its turn'],
    [{ state: 'running' }, 'running'],
    [{ state: 'cancelled' }, 'cancelled'],
    [{ state: 'failed' }, 'failed'],
    [{ state: 'done', passed: true }, 'done'],
    [{ state: 'done', passed: false }, 'done: not passed']
  ])('%j says %s', (changes, text) => {
    expect(draw(changes).host.querySelector('.jp-nbprod-job-state')?.textContent).toBe(text);
  });

  it('shows how far it is, and is cancelled only while it is under way', () => {
    const { host, press, onCancel } = draw({ progress: { message: 'fold 2 of 4', fraction: 0.5 } });
    expect(host.querySelector('progress')?.getAttribute('aria-label')).toBe('Progress of train');
    expect(host.textContent).toContain('fold 2 of 4');
    press('Cancel nbprod train');
    expect(onCancel).toHaveBeenCalled();
    expect(draw({ state: 'done' }).host.textContent).not.toContain('Cancel');
  });

  it('says what went wrong with the next step, and leads to the cell', () => {
    const error = { detail: 'it was killed by signal 9', hint: 'free memory', cell_id: 'c', line: 4 };
    const { host, press, onPlace } = draw({ state: 'failed', error });
    expect(host.querySelector('[role="alert"]')?.textContent).toBe('it was killed by signal 9free memory');
    press('Show the cell');
    expect(onPlace).toHaveBeenCalledWith('c', 4);
  });

  it('opens its log and its report', async () => {
    const { host, press, readLog, onReport } = draw({ state: 'done', report: 'runs/1/report' }, true);
    press('Open report');
    expect(onReport).toHaveBeenCalled();
    expect(readLog).not.toHaveBeenCalled();
    press('Show log');
    await act(async () => undefined);
    expect(host.querySelector('[role="log"]')?.textContent).toBe('fold 1');
    press('Hide log');
    expect(host.querySelector('[role="log"]')).toBeNull();
  });
});
