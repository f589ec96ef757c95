import { ReportDocument } from '../../widgets/reportDocument';

describe('a report', () => {
  it('stands in a frame that may do nothing', () => {
    const report = new ReportDocument('Gate');
    report.setContent('<script>window.parent.hurt = 1</script><p>passed</p>');
    const frame = report.node.querySelector('iframe')!;
    expect(frame.getAttribute('sandbox')).toBe('');
    expect(frame.getAttribute('referrerpolicy')).toBe('no-referrer');
    expect(frame.srcdoc).toContain('passed');
    expect(frame.title).toBe('Gate');
  });

  it('says plainly why it is not there, and shows text as text', () => {
    const report = new ReportDocument('Gate');
    report.tell('<b>gone</b>');
    expect(report.node.querySelector('[role="alert"]')?.textContent).toBe('<b>gone</b>');
    expect(report.node.querySelector('b, iframe')).toBeNull();
  });
});
