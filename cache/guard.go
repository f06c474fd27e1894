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

// inspect has every guard look at the pair, in the order in which a refusal is told. The two texts are known whole to
// every guard, none finds anything in a text and itself, and each finds the same whichever text is asked. Where dst
// has room, nothing is allocated for the findings.
func inspect(asked, stored *analysed, dst []finding) []finding {
	p := newPair(asked, stored)
	dst = numberGuard(&p, dst)
	dst = timeGuard(&p, dst)
	dst = languageGuard(&p, dst)
	dst = unreadGuard(&p, identifierGuard(&p, dst))
	dst = directionGuard(&p, dst)
	return negationGuard(&p, dst)
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
