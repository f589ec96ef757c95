import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { Job, JobLog } from '../api/client';
import { LogView } from './LogView';

export interface IJobCardProps {
  job: Job;
  readLog: (jobId: string, offset: number) => Promise<JobLog>;
  onCancel: () => void;
  onReport: (() => void) | null;
  onPlace: ((cellId: string, line: number | null) => void) | null;
  trans: TranslationBundle;
}

/** A job: what it does, how far it is, what came of it; its log, and the button that ends it. */
export function JobCard(props: IJobCardProps): React.ReactElement {
  const { job, trans } = props;
  const [isOpen, setOpen] = React.useState(false);
  const isLive = job.state === 'running' || job.state === 'waiting';
  const name = job.command.join(' ');
  const cell = job.error?.cell_id;
  return (
    <li
      className="jp-nbprod-job"
      data-id={job.id}
      data-job={job.verb}
      data-state={job.state}
    >
      <div className="jp-nbprod-job-head">
        <code title={name}>{name}</code>
        <span className="jp-nbprod-job-state">{outcome(job, trans)}</span>
      </div>
      {isLive && job.progress && (
        <div className="jp-nbprod-job-progress">
          <progress
            aria-label={trans.__('Progress of %1', job.verb)}
            max={1}
            value={job.progress.fraction ?? undefined}
          />
          <span>{job.progress.message}</span>
        </div>
      )}
      {job.error && job.state === 'failed' && (
        <div className="jp-nbprod-job-error" role="alert">
          <div>{job.error.detail}</div>
          {job.error.hint && <div>{job.error.hint}</div>}
        </div>
      )}
      <div className="jp-nbprod-job-actions">
        <button
          type="button"
          className="jp-nbprod-link"
          aria-expanded={isOpen}
          onClick={() => setOpen(!isOpen)}
        >
          {isOpen ? trans.__('Hide log') : trans.__('Show log')}
        </button>
        {props.onReport && (
          <button type="button" className="jp-nbprod-link" onClick={props.onReport}>
            {trans.__('Open report')}
          </button>
        )}
        {cell && props.onPlace && (
          <button
            type="button"
            className="jp-nbprod-link"
            onClick={() => props.onPlace?.(cell, job.error?.line ?? null)}
          >
            {trans.__('Show the cell')}
          </button>
        )}
        {isLive && (
          <button
            type="button"
            className="jp-nbprod-link"
            aria-label={trans.__('Cancel %1', name)}
            onClick={props.onCancel}
          >
            {trans.__('Cancel')}
          </button>
        )}
      </div>
      {isOpen && <LogView jobId={job.id} read={props.readLog} trans={trans} />}
    </li>
  );
}

function outcome(job: Job, trans: TranslationBundle): string {
  switch (job.state) {
    case 'waiting':
      return trans.__('waits for its turn');
    case 'running':
      return trans.__('running');
    case 'cancelled':
      return trans.__('cancelled');
    case 'failed':
      return trans.__('failed');
    default:
      return job.passed === false ? trans.__('done: not passed') : trans.__('done');
  }
}
