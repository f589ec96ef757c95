import { ServerConnection } from '@jupyterlab/services';

import { request, RequestError } from '../../api/request';

jest.mock('@jupyterlab/services', () => ({
  ServerConnection: {
    makeSettings: () => ({ baseUrl: 'http://lab/base/' }),
    makeRequest: jest.fn()
  }
}));
jest.mock('@jupyterlab/coreutils', () => ({
  URLExt: {
    join: (...parts: string[]) => parts.join('/').replace(/([^:])\/+/g, '$1/'),
    objectToQueryString: (query: Record<string, string>) => '?' + new URLSearchParams(query)
  }
}));
const fetched = ServerConnection.makeRequest as jest.Mock;

const answer = (status: number, type: string, text: string): object => ({
  ok: status < 400,
  status,
  statusText: 'status',
  headers: { get: () => type },
  text: () => Promise.resolve(text)
});

const caught = (): Promise<RequestError> => request('jobs').catch(error => error);

describe('a request', () => {
  it('goes to nbprod’s own address, and leaves out what is not given', async () => {
    fetched.mockResolvedValue(answer(200, 'application/json', '{}'));
    await request('jobs', { query: { since: 3, wait_s: undefined, project: 'a b' } });
    expect(fetched.mock.calls[0][0]).toBe('http://lab/base/nbprod/api/jobs?since=3&project=a+b');
    expect(fetched.mock.calls[0][1].cache).toBe('no-cache');
  });

  it('tells a problem with its next step', async () => {
    const problem = { type: 'about:blank', status: 409, detail: 'it runs', hint: 'wait' };
    fetched.mockResolvedValue(answer(409, 'application/problem+json', JSON.stringify(problem)));
    expect(await caught()).toMatchObject({ trouble: 'refused', message: 'it runs', hint: 'wait' });
  });

  it('knows a notebook outside of a project', async () => {
    const problem = { type: 'urn:nbprod:no-project', status: 404, detail: 'outside', hint: '' };
    fetched.mockResolvedValue(answer(404, 'application/problem+json', JSON.stringify(problem)));
    expect((await caught()).trouble).toBe('no-project');
  });

  it('knows a server without nbprod by its own 404', async () => {
    fetched.mockResolvedValue(answer(404, 'text/html', '<html>'));
    expect((await caught()).trouble).toBe('missing');
  });

  it('knows that nobody answers', async () => {
    fetched.mockRejectedValue(new TypeError('Failed to fetch'));
    expect((await caught()).trouble).toBe('unreachable');
  });
});
