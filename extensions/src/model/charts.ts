import { TranslationBundle } from '@jupyterlab/translation';

import type { Board } from '../api/client';

/** A Vega-Lite picture with its title, which is also what a screen reader says. */
export interface IChart {
  title: string;
  /** The same in words, for whoever cannot see it. */
  summary: string;
  spec: object;
}

const MOST_COLUMNS = 25;

/** The pictures of a health board: only those that have something to show. */
export function chartsOf(board: Board, trans: TranslationBundle): IChart[] {
  return [
    requests(board, trans),
    latency(board, trans),
    drift(board, trans),
    predictionMix(board, trans),
    quality(board, trans)
  ].filter(chart => chart !== null);
}

function requests(board: Board, trans: TranslationBundle): IChart | null {
  const values = board.windows.flatMap(window => [
    { end: window.end, what: trans.__('requests'), count: window.requests },
    { end: window.end, what: trans.__('errors'), count: window.errors },
    { end: window.end, what: trans.__('degraded'), count: window.degraded }
  ]);
  const last = board.windows[board.windows.length - 1];
  return last
    ? {
        title: trans.__('Requests, errors and degraded answers by window'),
        summary: trans.__(
          'last window: %1 requests, %2 errors, %3 degraded',
          last.requests,
          last.errors,
          last.degraded
        ),
        spec: lines(values, 'count', trans.__('in the window'))
      }
    : null;
}

function latency(board: Board, trans: TranslationBundle): IChart | null {
  const values = board.windows.flatMap(window =>
    [
      { end: window.end, what: 'p50', ms: window.latency_p50_ms },
      { end: window.end, what: 'p99', ms: window.latency_p99_ms },
      { end: window.end, what: trans.__('promised p99'), ms: board.promised_p99_ms }
    ].filter(value => value.ms !== null)
  );
  const last = board.windows[board.windows.length - 1];
  return last?.latency_p99_ms != null
    ? {
        title: trans.__('Latency by window, in ms'),
        summary: trans.__(
          'last window: p99 %1 ms, promised %2 ms',
          last.latency_p99_ms.toFixed(1),
          board.promised_p99_ms
        ),
        spec: lines(values, 'ms', 'ms')
      }
    : null;
}

function drift(board: Board, trans: TranslationBundle): IChart | null {
  const values = (board.health?.drift ?? [])
    .flatMap(report => report.columns)
    .map(column => ({
      column: `${column.part}: ${column.column}`,
      distance: column.distance,
      threshold: column.threshold,
      verdict: column.drifted ? trans.__('over its threshold') : trans.__('within')
    }))
    .sort((a, b) => b.distance / b.threshold - a.distance / a.threshold)
    .slice(0, MOST_COLUMNS);
  if (!values.length) {
    return null;
  }
  // The first colour of the theme is its own, the second that of a warning.
  const domain = [trans.__('within'), trans.__('over its threshold')];
  const y = { field: 'column', type: 'nominal', sort: null, title: null };
  const over = values.filter(value => value.distance > value.threshold);
  return {
    title: trans.__('Drift by column, the line is its threshold'),
    summary: over.length
      ? trans.__('over their threshold: %1', over.map(value => value.column).join(', '))
      : trans.__('no column is over its threshold'),
    spec: {
      height: { step: 14 }, // each column's name has its line
      data: { values },
      layer: [
        {
          mark: { type: 'bar', tooltip: true },
          encoding: {
            y,
            x: { field: 'distance', type: 'quantitative', title: trans.__('distance') },
            color: { field: 'verdict', type: 'nominal', title: null, scale: { domain } }
          }
        },
        {
          mark: { type: 'tick', thickness: 3, color: 'gray' },
          encoding: { y, x: { field: 'threshold', type: 'quantitative' } }
        }
      ]
    }
  };
}

function predictionMix(board: Board, trans: TranslationBundle): IChart | null {
  const columns = (board.health?.drift ?? [])
    .flatMap(report => report.columns)
    .filter(column => column.part === 'output');
  const values = columns.flatMap(column => [
    ...shares(column.column, trans.__('this window'), column.window),
    ...shares(column.column, trans.__('training'), column.reference)
  ]);
  return values.length
    ? {
        title: trans.__('Prediction mix: this window beside training'),
        summary: values
          .map(value => `${value.when} ${value.bin}: ${(100 * value.share).toFixed(0)} %`)
          .slice(0, 12)
          .join(', '),
        spec: {
          data: { values },
          mark: { type: 'bar', tooltip: true },
          encoding: {
            x: { field: 'bin', type: 'nominal', sort: null, title: null },
            xOffset: { field: 'when', type: 'nominal' },
            y: {
              field: 'share',
              type: 'quantitative',
              axis: { format: '%' },
              title: trans.__('share')
            },
            color: { field: 'when', type: 'nominal', title: null }
          }
        }
      }
    : null;
}

function quality(board: Board, trans: TranslationBundle): IChart | null {
  const values = board.windows.flatMap(window =>
    Object.entries(window.quality).map(([what, value]) => ({
      end: window.end,
      what,
      value,
      labelled: window.labelled
    }))
  );
  const last = values[values.length - 1];
  return last
    ? {
        title: trans.__('Quality as labels arrive, by window'),
        summary: trans.__('%1 is %2', last.what, last.value.toFixed(3)),
        spec: lines(values, 'value', trans.__('metric'))
      }
    : null;
}

function lines(values: object[], field: string, title: string): object {
  return {
    data: { values },
    mark: { type: 'line', point: true, tooltip: true },
    encoding: {
      x: { field: 'end', type: 'temporal', title: null },
      y: { field, type: 'quantitative', title },
      color: { field: 'what', type: 'nominal', title: null },
      strokeDash: { field: 'what', type: 'nominal', title: null }
    }
  };
}

function shares(
  column: string,
  when: string,
  counts: Record<string, number>
): { bin: string; when: string; share: number }[] {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return Object.entries(counts).map(([bin, count]) => ({
    bin: `${column} ${bin}`,
    when,
    share: total ? count / total : 0
  }));
}
