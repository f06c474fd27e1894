package cache

// A guard compares the words of two questions and says what speaks against one answer for both. It never says yes:
// that is for the similarity and the verifier.

// finding is one thing that a guard has against a pair of questions.
type finding struct {
	reason Reason // the guard
	token  string // what in the texts it goes by; never empty
	// A veto is conclusive: the two ask about different numbers of one kind, opposite things, another identifier of
	// the same shape. Nothing is served against it. What is not a veto is a doubt: something that one question has
	// and the other lacks, or may have in other words. A doubt refuses only where no verifier judges the pair.
	veto bool
}

// guard appends what it finds to dst. The two texts are known whole to every guard, and a guard finds nothing in a
// text and itself.
type guard func(asked, stored *analysed, dst []finding) []finding

// guards in the order in which they are asked.
var guards = [...]guard{numberGuard, identifierGuard, directionGuard, negationGuard}

// inspect has every guard look at the pair. Where dst has room, nothing is allocated for the findings.
func inspect(asked, stored *analysed, dst []finding) []finding {
	for _, g := range guards {
		dst = g(asked, stored, dst)
	}
	return dst
}

// refusal returns the finding that refuses the pair: the first veto; where no verifier judges, the first doubt if
// there is no veto. ok is false if nothing does.
func refusal(found []finding, judged bool) (f finding, ok bool) {
	for _, f := range found {
		if f.veto {
			return f, true
		}
	}
	if !judged && len(found) > 0 {
		return found[0], true
	}
	return finding{}, false
}
