import { request, segment } from './request';
import type { components } from './types';

type Schemas = components['schemas'];

/** The shapes that go over REST, by their short names; all come from the generated file. */
export type Board = Schemas['Board'];
export type CellContent = Schemas['CellContent'];
export type CellSummary = Schemas['CellSummary'];
export type CreatedProject = Schemas['CreatedProject'];
export type Explanation = Schemas['Explanation'];
export type Finding = Schemas['Finding'];
export type Health = Schemas['Health'];
export type Inspection = Schemas['Inspection'];
export type Job = Schemas['Job'];
export type JobList = Schemas['JobList'];
export type JobLog = Schemas['JobLog'];
export type LiveInspection = Schemas['LiveInspection'];
export type Prediction = Schemas['Prediction'];
export type Preview = Schemas['Preview'];
export type PreviewFile = Schemas['PreviewFile'];
export type ProjectView = Schemas['ProjectView'];
export type QuickFix = Schemas['QuickFix'];
export type RecordSummary = Schemas['RecordSummary'];
export type RoleChange = Schemas['RoleChange'];
export type ServerStatus = Schemas['ServerStatus'];
export type ShownAlert = Schemas['ShownAlert'];
export type Stage = Schemas['Stage'];
export type WindowSummary = Schemas['WindowSummary'];

/** The interface that this front end speaks. */
export const API = 1;

/** Asking is no use of the server that should keep it from resting. */
const QUIET = { no_track_activity: 1 };

/** nbprod's REST interface: one method for each route that the front end uses. */
export class Client {
  getStatus(): Promise<ServerStatus> {
    return read('status', {});
  }

  // ------------------------------------------------------------ project

  getProject(path: string): Promise<ProjectView> {
    return read('project', { path, ...QUIET });
  }

  createProject(body: Partial<Schemas['NewProject']>): Promise<CreatedProject> {
    return send('project', body);
  }

  // ------------------------------------------------------------ a notebook being edited

  inspect(path: string, cells: CellContent[]): Promise<LiveInspection> {
    return send('inspections', { path, cells });
  }

  propose(path: string, cells: CellContent[]): Promise<Schemas['Proposals']> {
    return send('proposals', { path, cells });
  }

  preview(path: string, cells: CellContent[]): Promise<Preview> {
    return send('previews', { path, cells });
  }

  // ------------------------------------------------------------ verbs, each a job

  /** Start a verb of the road by its collection: `extractions`, `parity-reports`, … */
  start(collection: string, project: string, body: object = {}): Promise<Job> {
    return send(collection, body, { project });
  }

  startRollout(
    name: string,
    project: string,
    body: Partial<Schemas['RolloutAction']>
  ): Promise<Job> {
    return send(`deployments/${segment(name)}/rollout`, body, { project });
  }

  startUndeploy(name: string, project: string): Promise<Job> {
    return remove(`deployments/${segment(name)}`, { project });
  }

  // ------------------------------------------------------------ jobs

  /** Every job; with a revision, not before there is a newer one, or `wait_s` are over. */
  listJobs(since?: number, wait_s?: number): Promise<JobList> {
    return read('jobs', { since, wait_s, ...QUIET });
  }

  getJob(id: string): Promise<Job> {
    return read(`jobs/${segment(id)}`, QUIET);
  }

  getJobLog(id: string, offset: number): Promise<JobLog> {
    return read(`jobs/${segment(id)}/log`, { offset, ...QUIET });
  }

  cancelJob(id: string): Promise<Job> {
    return remove(`jobs/${segment(id)}`);
  }

  // ------------------------------------------------------------ records, health, the log

  /** A page: `gate-results/<id>/report`, `runs/<id>/review`. */
  getPage(path: string, project: string): Promise<string> {
    return request(path.split('/').map(segment).join('/'), { query: { project } });
  }

  listRecords(collection: string, project: string, limit = 20): Promise<Schemas['RecordList']> {
    return read(collection, { project, limit, ...QUIET });
  }

  getBoard(project: string): Promise<Board> {
    return read('board', { project, ...QUIET });
  }

  acknowledgeAlert(id: string, project: string, note: string): Promise<unknown> {
    return send(`alerts/${segment(id)}/acknowledgement`, { note }, { project });
  }

  listPredictions(project: string, limit: number): Promise<Schemas['PredictionList']> {
    return read('predictions', { project, limit, ...QUIET });
  }

  getWhy(id: string, project: string): Promise<Explanation> {
    return read(`predictions/${segment(id)}/why`, { project });
  }

  openWindow(
    project: string,
    body: Partial<Schemas['WindowNotebook']>
  ): Promise<Schemas['CreatedFile']> {
    return send('window-notebooks', body, { project });
  }
}

type Query = Record<string, string | number | null | undefined>;

async function read<T>(path: string, query: Query): Promise<T> {
  return JSON.parse(await request(path, { query })) as T;
}

async function send<T>(path: string, body: object, query: Query = {}): Promise<T> {
  return JSON.parse(await request(path, { method: 'POST', body, query })) as T;
}

async function remove<T>(path: string, query: Query = {}): Promise<T> {
  return JSON.parse(await request(path, { method: 'DELETE', query })) as T;
}
