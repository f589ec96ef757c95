import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type {
  CellSummary,
  Finding,
  Job,
  JobLog,
  ProjectView,
  QuickFix,
  Stage
} from '../api/client';
import type { INotice } from '../model/trouble';
import { FindingList } from './FindingList';
import { JobCard } from './JobCard';
import { Notice } from './Notice';
import { IStageAction, StageRow } from './StageRow';

export interface IRoadPanelProps {
  path: string | null;
  view: ProjectView | null;
  notice: INotice | null;
  jobs: readonly Job[];
  findings: readonly Finding[];
  cellOf: (cellId: string) => CellSummary | undefined;
  fixesOf: (finding: Finding) => QuickFix[];
  actionsOf: (stage: Stage) => IStageAction[];
  /** Promote, roll back, pause, …: what the deployment can do now. */
  rollout: IStageAction[];
  readLog: (jobId: string, offset: number) => Promise<JobLog>;
  onCreate: () => void;
  onRetry: () => void;
  onCancel: (job: Job) => void;
  onReport: (path: string, title: string) => void;
  onPlace: (cellId: string, line: number | null) => void;
  onFix: (fix: QuickFix) => void;
  trans: TranslationBundle;
}

/** The road from the notebook to production: every stage, its jobs, and what the notebook lacks. */
export function RoadPanel(props: IRoadPanelProps): React.ReactElement {
  const { view, notice, trans } = props;
  return (
    <div className="jp-nbprod-road">
      {props.path === null && (
        <Notice
          message={trans.__('No notebook is open.')}
          hint={trans.__('Open a notebook to see its way to production.')}
        />
      )}
      {notice && <Trouble {...props} notice={notice} />}
      {view && <Stages {...props} view={view} />}
      <Jobs {...props} />
      {props.findings.length > 0 && (
        <section aria-label={trans.__('Findings')}>
          <h2>{trans.__('Findings in this notebook (%1)', props.findings.length)}</h2>
          <FindingList {...props} />
        </section>
      )}
    </div>
  );
}

function Trouble(props: IRoadPanelProps & { notice: INotice }): React.ReactElement {
  const { notice, trans } = props;
  const action =
    notice.trouble === 'no-project'
      ? { label: trans.__('Create a project here'), onClick: props.onCreate }
      : { label: trans.__('Try again'), onClick: props.onRetry };
  return <Notice message={notice.message} hint={notice.hint} action={action} />;
}

function Stages(props: IRoadPanelProps & { view: ProjectView }): React.ReactElement {
  const { view, trans } = props;
  const titles = stageTitles(trans);
  const traffic = Object.entries(view.traffic);
  return (
    <section aria-label={trans.__('The road of %1', view.name)}>
      <h2>{view.name}</h2>
      <p className="jp-nbprod-stage-detail">
        {[view.decision, trans.__('owner: %1', view.owner), trans.__('risk: %1', view.risk)]
          .filter(Boolean)
          .join(' · ')}
      </p>
      {view.findings.map(finding => (
        <Notice key={finding.code} message={finding.message} hint={finding.hint} />
      ))}
      <ol className="jp-nbprod-stages">
        {view.stages.map(stage => (
          <StageRow
            key={stage.name}
            stage={stage}
            title={titles[stage.name] ?? stage.name}
            actions={props.actionsOf(stage)}
            job={props.jobs.find(job => isOf(job, stage)) ?? null}
            onReport={reportOf(stage, props)}
            trans={trans}
          />
        ))}
      </ol>
      {traffic.length > 0 && (
        <div className="jp-nbprod-traffic">
          {traffic.map(([role, release]) => (
            <span key={role}>{trans.__('%1: release %2', role, release)}</span>
          ))}
          <span className="jp-nbprod-stage-actions">
            {props.rollout.map(action => (
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
          </span>
        </div>
      )}
    </section>
  );
}

function Jobs(props: IRoadPanelProps): React.ReactElement | null {
  const { jobs, trans } = props;
  if (!jobs.length) {
    return null;
  }
  return (
    <section aria-label={trans.__('Jobs')}>
      <h2>{trans.__('Jobs')}</h2>
      <ul className="jp-nbprod-jobs">
        {jobs.slice(0, 8).map(job => (
          <JobCard
            key={job.id}
            job={job}
            readLog={props.readLog}
            onCancel={() => props.onCancel(job)}
            onReport={job.report ? () => props.onReport(job.report, job.verb) : null}
            onPlace={props.onPlace}
            trans={trans}
          />
        ))}
      </ul>
    </section>
  );
}

function isOf(job: Job, stage: Stage): boolean {
  const isLive = job.state === 'running' || job.state === 'waiting';
  const verb = { decide: 'approve', rollout: 'deploy', monitor: 'health', sync: 'extract' }[job.verb];
  return isLive && (verb ?? job.verb) === stage.name;
}

function reportOf(stage: Stage, props: IRoadPanelProps): (() => void) | null {
  const record = stage.record;
  if (!record?.report || record.damaged) {
    return null;
  }
  const title = `${stageTitles(props.trans)[stage.name] ?? stage.name} ${record.id.slice(-6)}`;
  return () => props.onReport(`${record.collection}/${record.id}/report`, title);
}

/** What the stages are called. */
export function stageTitles(trans: TranslationBundle): Record<string, string> {
  return {
    extract: trans.__('Module'),
    contract: trans.__('Data contract'),
    parity: trans.__('Parity'),
    train: trans.__('Candidate'),
    gate: trans.__('Gate'),
    approve: trans.__('Approval'),
    release: trans.__('Release'),
    deploy: trans.__('Deployment'),
    health: trans.__('Health')
  };
}
