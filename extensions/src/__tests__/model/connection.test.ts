import { Client } from '../../api/client';
import { request } from '../../api/request';
import { Connection } from '../../model/connection';
import { trans } from '../trans';

jest.mock('../../api/request', () => ({
  request: jest.fn(),
  segment: encodeURIComponent,
  RequestError: class extends Error {
    constructor(
      readonly trouble: string,
      message: string,
      readonly hint: string
    ) {
      super(message);
    }
  }
}));
const { RequestError } = jest.requireMock('../../api/request');
const asked = request as jest.MockedFunction<typeof request>;

describe('the connection', () => {
  const connection = (): Connection => new Connection(new Client(), trans);

  it('is ready where the server speaks the same interface', async () => {
    asked.mockResolvedValue(JSON.stringify({ api: 1, version: '0.1.0' }));
    const made = connection();
    expect(await made.check()).toBe(true);
    expect(made.notice).toBeNull();
  });

  it('says which version the server has, and what to do, where it speaks another one', async () => {
    asked.mockResolvedValue(JSON.stringify({ api: 0, version: '0.0.9' }));
    const made = connection();
    expect(await made.check()).toBe(false);
    expect(made.notice?.message).toContain('0.0.9');
    expect(made.notice?.hint).toContain('pip install --upgrade');
  });

  it('says what to install where the server has no nbprod', async () => {
    asked.mockRejectedValue(new RequestError('missing', '404', ''));
    const made = connection();
    expect(await made.check()).toBe(false);
    expect(made.notice?.hint).toContain('pip install "nbprod[lab]"');
  });
});
