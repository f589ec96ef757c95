import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { Board, Prediction, ShownAlert } from '../api/client';
import { chartsOf } from '../model/charts';
import type { INotice } from '../model/trouble';
import { AlertList } from './AlertList';
import { Chart } from './Chart';
import { Notice } from './Notice';
import { IStageAction } from './StageRow';

export interface IHealthBoardProps {
  board: Board | null;
  notice: INotice | null;
  predictions: readonly Prediction[];
  rendermime: IRenderMimeRegistry;
  /** Roll back, assess health, open as notebook, … */
  actions: IStageAction[];
  onAcknowledge: (alert: ShownAlert) => void;
  onPrediction: (id: string) => void;
  trans: TranslationBundle;
}

/** The deployment at a glance: who answers, how fast, how it has drifted, what was alerted. */
export function HealthBoard(props: IHealthBoardProps): React.ReactElement {
  const { board, notice, trans } = props;
  return (
    <div className="jp-nbprod-health">
      {notice && <Notice message={notice.message} hint={notice.hint} />}
      <div className="jp-nbprod-traffic">
        {props.actions.map(action => (
          <button
            key={action.label}
            type="button"
            className="jp-mod-styled jp-mod-reject"
            title={action.caption}
            disabled={!action.isEnabled}
            onClick={action.onClick}
          >
            {action.label}
          </button>
        ))}
      </div>
      {board && <Traffic board={board} trans={trans} />}
      {board && (
        <section aria-label={trans.__('Alerts')}>
          <h2>{trans.__('Alerts')}</h2>
          <AlertList alerts={board.alerts} onAcknowledge={props.onAcknowledge} trans={trans} />
        </section>
      )}
      {board && (
        <section aria-label={trans.__('Windows')}>
          <h2>{trans.__('Windows of %1', board.window)}</h2>
          {board.windows.length === 0 && <p>{trans.__('No window was judged yet.')}</p>}
          <div className="jp-nbprod-charts">
            {chartsOf(board, trans).map(chart => (
              <Chart key={chart.title} chart={chart} rendermime={props.rendermime} />
            ))}
          </div>
        </section>
      )}
      {props.predictions.length > 0 && <Newest {...props} />}
    </div>
  );
}

function Traffic(props: { board: Board; trans: TranslationBundle }): React.ReactElement {
  const { board, trans } = props;
  const { deployment } = board;
  return (
    <section aria-label={trans.__('Traffic')}>
      <h2>{trans.__('Traffic')}</h2>
      {board.damaged.map(text => (
        <Notice key={text} message={text} hint={trans.__('Everything else is shown.')} />
      ))}
      {!deployment || deployment.status !== 'running' ? (
        <p>{trans.__('No release is being served.')}</p>
      ) : (
        <table className="jp-nbprod-table">
          <thead>
            <tr>
              <th scope="col">{trans.__('Role')}</th>
              <th scope="col">{trans.__('Release')}</th>
              <th scope="col">{trans.__('Share of the traffic')}</th>
            </tr>
          </thead>
          <tbody>
            {Object.entries(deployment.traffic.roles).map(([role, release]) => (
              <tr key={role}>
                <td>{role}</td>
                <td>{release}</td>
                <td>{shareOf(role, deployment.traffic.canary_fraction)}</td>
              </tr>
            ))}
            {deployment.traffic.shadows.map(release => (
              <tr key={`shadow-${release}`}>
                <td>{trans.__('shadow')}</td>
                <td>{release}</td>
                <td>{trans.__('sees it, answers nobody')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {deployment?.waiting_for && <p>{deployment.waiting_for}</p>}
    </section>
  );
}

function shareOf(role: string, canary: number): string {
  const share = { champion: 1 - canary, canary }[role] ?? 0;
  return `${(100 * share).toFixed(0)} %`;
}

function Newest(props: IHealthBoardProps): React.ReactElement {
  const { trans } = props;
  return (
    <section aria-label={trans.__('Newest predictions')}>
      <h2>{trans.__('Newest predictions')}</h2>
      <table className="jp-nbprod-table">
        <thead>
          <tr>
            <th scope="col">{trans.__('Prediction')}</th>
            <th scope="col">{trans.__('At')}</th>
            <th scope="col">{trans.__('Release')}</th>
            <th scope="col">{trans.__('Output')}</th>
            <th scope="col">ms</th>
          </tr>
        </thead>
        <tbody>
          {props.predictions.map(item => (
            <tr key={item.id}>
              <td>
                <button
                  type="button"
                  className="jp-nbprod-link"
                  onClick={() => props.onPrediction(item.id)}
                >
                  {item.id}
                </button>
              </td>
              <td>{item.at}</td>
              <td>
                {item.release} ({item.role})
              </td>
              <td>{JSON.stringify(item.output)}</td>
              <td>{item.latency_ms.toFixed(1)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
