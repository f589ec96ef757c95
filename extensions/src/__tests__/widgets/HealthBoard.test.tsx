import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import * as React from 'react';

import type { Board, Prediction } from '../../api/client';
import { HealthBoard, IHealthBoardProps } from '../../widgets/HealthBoard';
import { render } from '../render';
import { trans } from '../trans';

const HOSTILE = '<img src=x onerror=alert(1)>';
const rendermime = { preferredMimeType: () => undefined } as unknown as IRenderMimeRegistry;

const board = {
  window: '1h',
  promised_p99_ms: 50,
  damaged: [],
  health: null,
  deployment: {
    status: 'running',
    waiting_for: 'canary: 120 of 300 requests',
    traffic: { roles: { champion: '1', canary: '2' }, canary_fraction: 0.1, shadows: ['3'] }
  },
  alerts: [
    { health_id: 'h', acknowledged: null,
      alert: { id: 'a', at: 'now', code: 'NBM001', message: HOSTILE, owner: 'o@x', sent_to: [] } }
  ],
  windows: [
    { end: '2026-01-01T00:00:00Z', requests: 9, errors: 1, degraded: 0, latency_p50_ms: 3, latency_p99_ms: 4, quality: {}, labelled: 0 }
  ]
} as unknown as Board;

const prediction = {
  id: 'f'.repeat(24), at: 'now', release: '2', role: 'canary', output: { late: HOSTILE }, latency_ms: 3.26
} as unknown as Prediction;

function draw(given: Partial<IHealthBoardProps>) {
  const on = { onAcknowledge: jest.fn(), onPrediction: jest.fn(), onClick: jest.fn() };
  const action = { label: 'Roll back…', caption: 'to release 1', isEnabled: true, onClick: on.onClick };
  const props = { board, notice: null, predictions: [prediction], rendermime, actions: [action], trans };
  return { ...on, ...render(<HealthBoard {...props} {...on} {...given} />) };
}

const rows = (host: HTMLElement, name: string): string[][] =>
  Array.from(host.querySelectorAll(`section[aria-label="${name}"] tbody tr`), row =>
    Array.from(row.children, cell => cell.textContent ?? '')
  );

describe('the health board', () => {
  it('says who answers which share, and what the rollout waits for', () => {
    const { host } = draw({});
    expect(rows(host, 'Traffic')).toEqual([
      ['champion', '1', '90 %'],
      ['canary', '2', '10 %'],
      ['shadow', '3', 'sees it, answers nobody']
    ]);
    expect(host.textContent).toContain('120 of 300 requests');
  });

  it('shows the newest predictions, and opens the story of one', () => {
    const { host, press, onPrediction } = draw({});
    expect(rows(host, 'Newest predictions')[0].slice(2)).toEqual([
      '2 (canary)', JSON.stringify({ late: HOSTILE }), '3.3'
    ]);
    press(prediction.id);
    expect(onPrediction).toHaveBeenCalledWith(prediction.id);
  });

  it('shows windows as pictures with words, and hostile text as text', () => {
    const { host } = draw({});
    expect(host.querySelectorAll('figure').length).toBe(2);
    expect(host.textContent).toContain('9 requests, 1 errors, 0 degraded');
    expect(host.textContent).toContain(HOSTILE);
    expect(host.querySelector('img')).toBeNull();
  });

  it('has its actions and acknowledges alerts', () => {
    const { press, onAcknowledge, onClick } = draw({});
    press('Roll back…');
    expect(onClick).toHaveBeenCalled();
    press('Acknowledge: ');
    expect(onAcknowledge).toHaveBeenCalledWith(board.alerts[0]);
  });

  it('says plainly that nothing is served, is judged, or is readable', () => {
    const empty = { ...board, deployment: null, alerts: [], windows: [], damaged: ['h2 is damaged'] };
    const { host } = draw({ board: empty, predictions: [] });
    for (const text of ['No release is being served.', 'No alerts.', 'No window was judged yet.', 'h2 is damaged']) {
      expect(host.textContent).toContain(text);
    }
    expect(rows(host, 'Newest predictions')).toEqual([]);
  });

  it('keeps the last answer on show under what is wrong', () => {
    const notice = { trouble: 'unreachable' as const, message: 'no answer', hint: 'wait' };
    const { host } = draw({ notice });
    expect(host.querySelector('[role="status"]')?.textContent).toBe('no answerwait');
    expect(rows(host, 'Traffic').length).toBe(3);
    expect(draw({ board: null, notice, predictions: [] }).host.querySelector('section')).toBeNull();
  });
});
