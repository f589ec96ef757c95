import * as React from 'react';
import { createRoot, Root } from 'react-dom/client';
import { act } from 'react-dom/test-utils';

import type { Job, ProjectView } from '../../api/client';
import { IRoadPanelProps, RoadPanel } from '../../widgets/RoadPanel';
import { trans } from '../trans';

const HOSTILE = '<img src=x onerror=alert(1)>';

(globalThis as any).IS_REACT_ACT_ENVIRONMENT = true;

function props(given: Partial<IRoadPanelProps>): IRoadPanelProps {
  return {
    path: 'train.ipynb',
    view: null,
    notice: null,
    jobs: [],
    findings: [],
    cellOf: () => undefined,
    fixesOf: () => [],
    actionsOf: () => [],
    rollout: [],
    readLog: () => Promise.resolve({ text: '', next_offset: 0, complete: true }),
    onCreate: jest.fn(),
    onRetry: jest.fn(),
    onCancel: jest.fn(),
    onReport: jest.fn(),
    onPlace: jest.fn(),
    onFix: jest.fn(),
    trans,
    ...given
  };
}

const view = {
  name: HOSTILE,
  owner: HOSTILE,
  decision: HOSTILE,
  risk: 'low',
  path: 'p',
  traffic: { champion: 3, previous: 2 },
  findings: [],
  next_stage: 'parity',
  stages: [
    { name: 'extract', state: 'done', detail: HOSTILE, missing: '', verb: 'extract', record: null },
    {
      name: 'parity',
      state: 'failed',
      detail: '',
      missing: 'NBP002',
      verb: 'parity',
      record: { collection: 'parity-reports', id: 'abcdef', report: true, damaged: '' }
    }
  ]
} as unknown as ProjectView;

const running = {
  id: '1',
  project: 'p',
  verb: 'parity',
  command: ['nbprod', 'parity'],
  state: 'running',
  progress: { message: HOSTILE, fraction: 0.5 },
  error: null,
  report: ''
} as unknown as Job;

describe('the road panel', () => {
  let host: HTMLElement;
  let root: Root;

  beforeEach(() => {
    host = document.body.appendChild(document.createElement('div'));
    root = createRoot(host);
  });

  afterEach(() => {
    act(() => root.unmount());
    host.remove();
  });

  const show = (given: Partial<IRoadPanelProps>): IRoadPanelProps => {
    const all = props(given);
    act(() => root.render(<RoadPanel {...all} />));
    return all;
  };

  const button = (name: string): HTMLButtonElement =>
    Array.from(host.querySelectorAll('button')).find(item =>
      (item.getAttribute('aria-label') ?? item.textContent ?? '').includes(name)
    )!;

  it('shows hostile text as text', () => {
    show({ view, jobs: [running] });
    expect(host.querySelector('img')).toBeNull();
    expect(host.textContent).toContain(HOSTILE);
  });

  it('says each state in a word, and what the traffic is', () => {
    show({ view });
    expect(host.textContent).toContain('done');
    expect(host.textContent).toContain('not passed');
    expect(host.textContent).toContain('champion: release 3');
  });

  it('opens the report of a stage', () => {
    const { onReport } = show({ view });
    act(() => button('Open report').click());
    expect(onReport).toHaveBeenCalledWith('parity-reports/abcdef/report', expect.any(String));
  });

  it('says that a stage is at work, and cancels its job', () => {
    const { onCancel } = show({ view, jobs: [running] });
    expect(host.querySelector('[data-stage="parity"]')?.textContent).toContain('at work');
    expect(host.querySelector('progress')?.value).toBe(0.5);
    act(() => button('Cancel').click());
    expect(onCancel).toHaveBeenCalledWith(running);
  });

  it('offers to create a project where there is none, and to try again otherwise', () => {
    const { onCreate } = show({ notice: { trouble: 'no-project', message: 'none', hint: '' } });
    act(() => button('Create a project here').click());
    expect(onCreate).toHaveBeenCalled();
    const { onRetry } = show({ notice: { trouble: 'unreachable', message: 'cut', hint: 'wait' } });
    act(() => button('Try again').click());
    expect(onRetry).toHaveBeenCalled();
    expect(host.querySelector('[role="status"]')?.textContent).toContain('wait');
  });
});
