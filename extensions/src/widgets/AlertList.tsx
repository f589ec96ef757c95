import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { ShownAlert } from '../api/client';

export interface IAlertListProps {
  alerts: readonly ShownAlert[];
  onAcknowledge: (alert: ShownAlert) => void;
  trans: TranslationBundle;
}

/** The alerts, newest first; who has seen each, or the button that says so. */
export function AlertList(props: IAlertListProps): React.ReactElement {
  const { alerts, trans } = props;
  if (!alerts.length) {
    return <p>{trans.__('No alerts.')}</p>;
  }
  return (
    <ul className="jp-nbprod-findings">
      {alerts.map(shown => {
        const { alert, acknowledged } = shown;
        return (
          <li key={`${shown.health_id}-${alert.id}`}>
            <div>
              <code>{alert.code}</code> {alert.message}
            </div>
            <div>
              {trans.__('%1 · told: %2', alert.at, [alert.owner, ...alert.sent_to].join(', '))}
            </div>
            {acknowledged ? (
              <div>
                {trans.__('seen by %1', acknowledged.by)} {acknowledged.note}
              </div>
            ) : (
              alert.id && (
                <button
                  type="button"
                  className="jp-nbprod-link"
                  aria-label={trans.__('Acknowledge: %1', alert.message)}
                  onClick={() => props.onAcknowledge(shown)}
                >
                  {trans.__('Acknowledge')}
                </button>
              )
            )}
          </li>
        );
      })}
    </ul>
  );
}
