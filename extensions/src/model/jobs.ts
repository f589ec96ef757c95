import { TranslationBundle } from '@jupyterlab/translation';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Client, Job } from '../api/client';
import { RequestError } from '../api/request';
import { INotice, noticeOf } from './trouble';

const WAIT_S = 20;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

/**
 * The server's jobs, as every browser sees them.
 *
 * The server is the only memory: a page that is loaded anew asks, and goes on where it was.
 */
export class JobsModel implements IDisposable {
  constructor(
    private client: Client,
    private trans: TranslationBundle
  ) {}

  get all(): readonly Job[] {
    return this._jobs;
  }

  /** Why the list may be an old one. */
  get notice(): INotice | null {
    return this._notice;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** A job that came to its end while this page watched it. */
  get ended(): ISignal<this, Job> {
    return this._ended;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** The jobs of one project, newest first. */
  of(project: string): Job[] {
    return this._jobs.filter(job => job.project === project);
  }

  /** Follow the server's jobs from now on. */
  follow(): void {
    if (!this._following) {
      this._following = true;
      void this.run();
    }
  }

  /** Start a verb, or find that it runs already; the job. */
  async start(begin: (client: Client) => Promise<Job>): Promise<Job> {
    const job = await begin(this.client);
    this.follow();
    this.take([job, ...this._jobs.filter(other => other.id !== job.id)]);
    return job;
  }

  /** End a job with all it started. */
  async cancel(id: string): Promise<void> {
    const job = await this.client.cancelJob(id);
    this.take(this._jobs.map(other => (other.id === id ? job : other)));
  }

  dispose(): void {
    this._isDisposed = true;
    Signal.clearData(this);
  }

  private async run(): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    while (!this._isDisposed) {
      try {
        const known = this._notice === null ? this._revision : undefined;
        const told = await this.client.listJobs(known, known === undefined ? undefined : WAIT_S);
        pause = FIRST_PAUSE_MS;
        this._revision = told.revision;
        this._notice = null;
        const lost = await this.lostOf(told.jobs);
        this.take([...told.jobs, ...lost]);
      } catch (error) {
        this._notice = noticeOf(error, this.trans);
        this._changed.emit();
        await new Promise(resolve => setTimeout(resolve, pause));
        pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
      }
    }
  }

  /** The jobs that ended with their server, as failed ones: no server tells of them any more. */
  private async lostOf(told: readonly Job[]): Promise<Job[]> {
    const known = new Set(told.map(job => job.id));
    for (const job of this._jobs.filter(item => isLive(item) && !known.has(item.id))) {
      try {
        await this.client.getJob(job.id);
      } catch (error) {
        if (!(error instanceof RequestError && error.problem?.status === 404)) {
          throw error;
        }
        this._lost.unshift(asLost(job, this.trans));
      }
    }
    return this._lost.filter(job => !known.has(job.id));
  }

  private take(jobs: readonly Job[]): void {
    const before = new Map(this._jobs.map(job => [job.id, job]));
    this._jobs = jobs;
    this._changed.emit();
    for (const job of jobs) {
      const known = before.get(job.id);
      if (known && isLive(known) && !isLive(job)) {
        this._ended.emit(job);
      }
    }
  }

  private _jobs: readonly Job[] = [];
  private _lost: Job[] = [];
  private _revision: number | undefined = undefined;
  private _notice: INotice | null = null;
  private _following = false;
  private _isDisposed = false;
  private _changed = new Signal<this, void>(this);
  private _ended = new Signal<this, Job>(this);
}

/** Whether a job is still under way. */
export function isLive(job: Job): boolean {
  return job.state === 'waiting' || job.state === 'running';
}

function asLost(job: Job, trans: TranslationBundle): Job {
  const error = {
    type: 'about:blank',
    title: trans.__('Gone'),
    status: 410,
    detail: trans.__('The Jupyter server ended in the middle of it, and the job with its server.'),
    hint: trans.__('What was finished before is kept: start it again.'),
    notebook: null,
    cell_id: null,
    line: null
  } as NonNullable<Job['error']>;
  return { ...job, state: 'failed', progress: null, error };
}
