// SPDX-License-Identifier: GPL-2.0-or-later
/** Counted schedules in words and as data: in how many does what happen, and in which order. */
import type { Counted } from '../explore/count.ts';
import { wrap } from './text.ts';

/** What to tell apart: an event of the count, and its name for a person. */
export type EventNames = Readonly<Record<string, string>>;

/** Integers as texts: they have dozens of digits. */
export interface SchedulesJson {
  readonly schedules: string;
  readonly orders: readonly { readonly events: readonly string[]; readonly schedules: string }[];
  /** Whether schedules that take a retry loop twice were left out. */
  readonly cut: boolean;
}

export const schedulesJson = ({ schedules, orders, cut }: Counted): SchedulesJson => ({
  schedules: String(schedules),
  orders: orders.map(({ events, schedules: n }) => ({ events, schedules: String(n) })),
  cut,
});

/** With groups of three digits; beyond fifteen digits as a power of ten. */
export function bigCount(n: bigint): string {
  const digits = String(n);
  if (digits.length <= 15) return digits.replace(/\B(?=(\d{3})+$)/g, ',');
  return `${digits[0]}.${digits.slice(1, 3)}e${digits.length - 1}`;
}

/** Part of a whole in percent, two digits that count; `none` and `all` only if it is so. */
export function percent(part: bigint, whole: bigint): string {
  if (whole === 0n || part === 0n) return 'none';
  if (part === whole) return 'all';
  const value = Number((part * 10n ** 60n) / whole) / 1e58;
  if (part * 100n > whole * 99n) return `all but ${percent(whole - part, whole)}`;
  return `${value < 1e-3 ? value.toExponential(1) : Number(value.toPrecision(2))} %`;
}

/** What happens in an order of events: `the check fires, then data is corrupted`. */
export function orderText(events: readonly string[], names: EventNames): string {
  return events.map((e) => names[e] ?? e).join(', then ') || 'nothing of it';
}

/** Lines for a terminal. */
export function scheduleLines(
  counted: SchedulesJson,
  names: EventNames,
  width: number,
  indent: number,
): string[] {
  const whole = BigInt(counted.schedules);
  const loops = counted.cut ? ', each retry loop taken at most once' : '';
  const lines = [`schedules: ${bigCount(whole)} in all${loops}; of them`];
  const wide = Math.max(...counted.orders.map((o) => bigCount(BigInt(o.schedules)).length));
  for (const { events, schedules } of counted.orders) {
    const n = BigInt(schedules);
    const lead = `  ${bigCount(n).padStart(wide)} (${percent(n, whole)}): `;
    lines.push(...wrap(lead + orderText(events, names), width - indent, lead.length));
  }
  return lines.map((line) => ' '.repeat(indent) + line);
}
