// Package bench measures what the rest of the project promises, and prints those
// of the README's figures whose command is `reprise bench`. The others are printed
// by tests, by the demo, or by the programs that trained the models.
//
// A benchmark is a function that takes an options struct and returns a report:
// [Proxy] with [ProxyOptions] and [ProxyReport]. The README's figures were measured
// with the zero options, except where the command beside them has flags. A report
// knows how to print itself.
//
// The rules that keep the figures honest:
//
//   - What is compared runs in the same process, on the same machine, in turn,
//     and the ratio is taken round by round. Machines are noisy and differ;
//     ratios travel, absolute times do not.
//   - Rounds are reduced by the median; latencies are those measured, not means.
//   - The driver shares the cores with what it drives, which adds its own cost to
//     both sides of a ratio. It is therefore kept as cheap as possible.
//   - A report says which share of the requests did what the row claims (a hit
//     that was meant to be semantic, and was). A row is not to be read without it.
package bench
