// SPDX-License-Identifier: GPL-2.0-or-later
/** Counted schedules in words. */
import { describe, expect, it } from 'vitest';
import { bigCount, orderText, percent, scheduleLines } from '../../src/report/schedules.ts';

describe('schedules', () => {
  it('are counted with all digits, or as a power of ten', () => {
    expect(bigCount(0n)).toBe('0');
    expect(bigCount(1234567n)).toBe('1,234,567');
    expect(bigCount(123456789012345n)).toBe('123,456,789,012,345');
    expect(bigCount(9326402703935361003503981115890n)).toBe('9.32e30');
  });

  it('are a part of all, and none or all only if it is so', () => {
    expect(percent(0n, 10n)).toBe('none');
    expect(percent(10n, 10n)).toBe('all');
    expect(percent(1n, 8n)).toBe('13 %');
    expect(percent(1n, 10n ** 40n)).toBe('1.0e-38 %');
    expect(percent(10n ** 40n - 1n, 10n ** 40n)).toBe('all but 1.0e-38 %');
    expect(percent(0n, 0n)).toBe('none');
  });

  it('are told apart by what happens first', () => {
    const names = { corrupts: 'data is corrupted', R10: 'the check fires' };
    expect(orderText(['R10', 'corrupts'], names)).toBe('the check fires, then data is corrupted');
    const orders = [
      { events: [], schedules: '990' },
      { events: ['corrupts'], schedules: '10' },
    ];
    expect(scheduleLines({ schedules: '1000', orders, cut: true }, names, 75, 2)).toEqual([
      '  schedules: 1,000 in all, each retry loop taken at most once; of them',
      '    990 (99 %): nothing of it',
      '     10 (1 %): data is corrupted',
    ]);
  });
});
