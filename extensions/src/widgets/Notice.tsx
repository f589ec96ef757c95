import * as React from 'react';

/** What is wrong, and the next step. */
export interface INoticeProps {
  message: string;
  hint: string;
  /** A button with the next step, where there is one. */
  action?: { label: string; onClick: () => void };
}

/** A plain message instead of, or above, what cannot be shown; read out when it appears. */
export function Notice(props: INoticeProps): React.ReactElement {
  return (
    <div className="jp-nbprod-notice" role="status">
      <p>
        <strong>{props.message}</strong>
      </p>
      {props.hint && <p>{props.hint}</p>}
      {props.action && (
        <button
          type="button"
          className="jp-mod-styled jp-mod-accept"
          onClick={props.action.onClick}
        >
          {props.action.label}
        </button>
      )}
    </div>
  );
}
