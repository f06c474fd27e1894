package cache

import "testing"

// TestTwins: what may differ without a change of the answer, and what may not. No guard finds anything in twins.
func TestTwins(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"How do I reset my password?", "how do i reset my password", true},
		{"How do I reset my password?", "“How do I reset my password?”", true},
		{"What is the purpose of life ?", "what is the purpose of life?!", true},
		{"Hi, how do I get to Rome?", "hi how do I get to Rome", true},
		{"Hello! How are you? I need help.", "Hello, how are you. I need help", true},
		{"I can't log in...", "i can’t log in…", true},
		{"where is my parents' house", "where is my parents house?", true},
		{"a sofa — a cheap one", "a sofa a cheap one", true},
		{"Note: is it safe?", "note is it safe", true},
		{"In 2024, what is the limit?", "in 2024 what is the limit", true},
		{"What's new in Python 3?", "what's new in python 3.", true},
		{"Is 8 GB of memory enough?", "is 8 gb of memory enough", true},
		{"at 5 PM on 3 Days", "at 5 pm on 3 days", true},
		{"the job of a C++ developer, please", "the job of a c++ developer please", true},
		{"Can I raise $5M?", "can I raise $5m", true},
		{"What is (UK) VAT?", "what is (uk) vat", true},
		{"Is vitamin B12 safe", "is vitamin b12 safe", true},
		{"Hello,\nhow are you", "hello, how are you", true},
		{"HOW DO I RESET MY IPHONE", "how do i reset my iphone", true},
		{"How do I reset my iPhone?", "HOW DO I RESET MY IPHONE", true},
		{"is Example.com down", "is example.com down", true},
		{"how to learn HTML/CSS", "how to learn html/css", true},
		{"What is a REST API?", "what is a rest api", true},
		{"What is Node.js?", "what is node.js", true},
		{"is example.com/ down?", "is example.com down", true},
		{"is the U.S. safe", "is the u.s. safe", true},
		{"What is a CSV?", "what is a csv", true},
		{"What is a good way to learn how to play the guitar\nat home", "what is a good way to learn how to play the guitar at home", true},
		{"It works! How do I go on", "it works. How do I go on", true},
		{"a cafe\u0301 near me", "a caf\u00e9 near me", true},

		{"What does sort! do in Julia?", "What does sort do in Julia?", false},
		{"What is user.name!!", "What is user.name", false},
		{"parse %d/%m/%Y", "parse %d/%m/%y", false},
		{"parse YYYY-MM-dd", "parse yyyy-MM-dd", false},
		{"parse hh:mm", "parse HH:mm", false},
		{"chmod u+X", "chmod u+x", false},
		{"open bit.ly/3xYzAb", "open bit.ly/3XyzaB", false},
		{"Is true a keyword in Python?", "Is True a keyword in Python?", false},
		{"use console.Log", "use console.log", false},
		{"use getElementByID", "use getElementById", false},
		{"see src/Foo.java", "see src/foo.java", false},
		{"base64 of Hello World", "base64 of hello world", false},
		{"What is ice?", "What is ICE?", false},
		{"How do I clean Windows well", "How do I clean windows well", false},
		{"10 Cal", "10 cal", false},
		{"10 nM", "10 nm", false},
		{"What is R in it?", "what is r in it?", false},
		{"echo hi\nrm foo", "echo hi rm foo", false},
		{"print(1)\nprint(2)", "print(1) print(2)", false},
		{"# x = 1\nprint(x)", "# x = 1 print(x)", false},
		{"is it \"a  b\"", "is it \"a b\"", false},
		{"How many characters are in \"Hello, world\"?", "How many characters are in \"Hello world\"?", false},
		{"Why does echo “hi” fail in bash", "Why does echo \"hi\" fail in bash", false},
		{"what is ‘$HOME’", "what is '$HOME'", false},
		{"Explain the regex: https?", "Explain the regex: https", false},
		{"How many commas are in: red, green, blue", "How many commas are in: red green blue", false},
		{"Can I take .5 mg of lorazepam", "Can I take 5 mg of lorazepam", false},
		{"does it cost $.50", "does it cost $50", false},
		{"solve when x=-2", "solve when x=2", false},
		{"solve when x = −2", "solve when x = 2", false},
		{"integrate e^-x", "integrate e^x", false},
		{"what does git branch -d do", "what does git branch -D do", false},
		{"what does git branch -d do", "what does git branch d do", false},
		{"what does a != b do in C", "what does a = b do in C", false},
		{"what does a[1:] return", "what does a[1] return", false},
		{"a laser of 5 mW", "a laser of 5 MW", false},
		{"a laser of 5mW", "a laser of 5MW", false},
		{"a line of 100 Mb", "a line of 100 MB", false},
		{"5 M of acid", "5 m of acid", false},
		{`type of "5" in JavaScript`, "type of 5 in JavaScript", false},
		{`length of "ab" in C`, "length of 'ab' in C", false},
		{"a pipe of 5\"", "a pipe of 5'", false},
		{"what is 5!", "what is 5", false},
		{"what is n! for it", "what is n for it", false},
		{"what does String? mean", "what does String mean", false},
		{"plot f'", "plot f", false},
		{"ignore .env files", "ignore env files", false},
		{"docker build .", "docker build", false},
		{"cat - foo", "cat foo", false},
		{"ls; pwd", "ls pwd", false},
		{"the list 1, 2", "the list 1 2", false},
		{"let x be my_Var", "let x be my_var", false},
		{"what is 5 – 3", "what is 5 3", false},
		{"?", "!", false},
		{"is x one", "is X one", false},
		{"does it work", "does IT work", false},
		{"why:\nif x:\n  a\nb", "why:\nif x:\n  a\n  b", false},
		{"how do I reset it", "HOW DO I RESET IT", false}, // IT?
		{"the C++ developer", "the C developer", false},
		{"reset my password", "reset my pasword", false},
	} {
		a, b := analyse(c.a), analyse(c.b)
		if got, back := twins(a, b), twins(b, a); got != c.want || back != c.want {
			t.Errorf("%q, %q: %v, the other way round %v, want %v", c.a, c.b, got, back, c.want)
		}
		if found := inspect(a, b, nil); c.want && len(found) > 0 {
			t.Errorf("%q, %q: twins in which guards find %+v", c.a, c.b, found)
		}
	}
}
