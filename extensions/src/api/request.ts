import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import type { components } from './types';

export type Problem = components['schemas']['Problem'];

/** Why a request was not carried out. */
export type Trouble =
  | 'missing' // the server has no nbprod
  | 'old' // it has one that speaks another version of the interface
  | 'unreachable' // no answer at all
  | 'no-project' // the notebook is outside of any project
  | 'refused'; // everything else, as the problem says

/** A request that was not carried out: what is wrong, and the next step. */
export class RequestError extends Error {
  constructor(
    readonly trouble: Trouble,
    message: string,
    readonly hint: string,
    readonly problem: Problem | null = null
  ) {
    super(message);
  }
}

/** What goes with a request. */
export interface IRequest {
  method?: 'GET' | 'POST' | 'DELETE';
  query?: Record<string, string | number | null | undefined>;
  body?: unknown;
}

const BASE = 'nbprod/api';
const PROBLEM = 'application/problem+json';

/** One request to nbprod's server extension; its text, RequestError for everything else. */
export async function request(path: string, options: IRequest = {}): Promise<string> {
  const settings = ServerConnection.makeSettings();
  const query = Object.entries(options.query ?? {}).filter(([, value]) => value != null);
  const search = URLExt.objectToQueryString(Object.fromEntries(query) as Record<string, string>);
  const url = URLExt.join(settings.baseUrl, BASE, path) + (query.length ? search : '');
  // Not Lab's own "no-store", which adds the time to the query: the server refuses what it does not
  // know.
  const init: RequestInit = { method: options.method ?? 'GET', cache: 'no-cache' };
  if (options.body !== undefined) {
    init.body = JSON.stringify(options.body);
    init.headers = { 'Content-Type': 'application/json' };
  }
  let response: Response;
  let text: string;
  try {
    response = await ServerConnection.makeRequest(url, init, settings);
    text = await response.text();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RequestError('unreachable', reason, '');
  }
  if (!response.ok) {
    throw refusal(response, text);
  }
  return text;
}

/** One path segment that came from outside, made harmless. */
export function segment(text: string): string {
  return encodeURIComponent(text);
}

function refusal(response: Response, text: string): RequestError {
  if (!response.headers.get('Content-Type')?.startsWith(PROBLEM)) {
    return new RequestError(
      response.status === 404 ? 'missing' : 'refused',
      `${response.status} ${response.statusText}`,
      ''
    );
  }
  try {
    const problem = JSON.parse(text) as Problem;
    const trouble = problem.type === 'urn:nbprod:no-project' ? 'no-project' : 'refused';
    return new RequestError(trouble, problem.detail, problem.hint, problem);
  } catch {
    return new RequestError('refused', `${response.status} ${response.statusText}`, '');
  }
}
