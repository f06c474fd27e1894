// Package prices says what a call to a model costs: a [Table] of prices per million tokens, by provider and model, and
// [Money], in which sums do not drift.
//
// The table in the binary is data, table.json, each row with where and when it was read; an operator's own file of the
// same form goes before it. A model that has no row has no cost: unknown, which is not the same as nothing.
//
// Not covered here: discounts, batch and priority tiers, what is billed by the request, and tokens of sounds and
// pictures, which are counted as text is.
package prices
