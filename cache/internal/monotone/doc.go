// Package monotone fits probabilities that may only rise with what they are made from: a logistic regression whose
// weights have a sign, and the isotonic calibration of its scores.
package monotone
