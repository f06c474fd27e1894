"""Fragments, written for this project, from which reference_texts.py composes its 1,000 texts."""

QUESTIONS = """
How do I turn on two-factor login for my account?
disable 2FA for the admin user please
What is the refund window for an annual plan?
My parcel says delivered but it is not here, what now?
Why does my sourdough collapse when I score it?
Can I take ibuprofen and paracetamol on the same day?
How far is the Moon from the Earth in kilometres?
What changed in the parental leave policy this year?
Which HTTP status code means that I am rate limited?
Is it safe to restart the primary while a backup runs?
How many days of annual leave carry over into January?
what's the difference between a mutex and a semaphore
Explain the GIL to someone who only knows JavaScript.
Convert 72 degrees Fahrenheit to Celsius.
Who wrote the libretto of The Magic Flute?
How do vaccines train the immune system?
Where can I renew a passport that has already expired?
Does the warranty cover a cracked screen?
How do I undo the last commit but keep my changes?
What is the capital of Australia, and why is it not Sydney?
Recommend three books for a teenager who liked Dune.
How long should I boil an egg at 2,000 m of altitude?
Is a tomato a fruit or a vegetable in the eyes of the law?
Why is the sky dark at night if there are so many stars?
Summarise the quarterly report in five bullet points.
Translate "the meeting is moved to Thursday" into French.
Which of the two invoices, INV-2041 or INV-2014, is unpaid?
How do I get from Lisbon to Porto without a car?
How do I get from Porto to Lisbon without a car?
Write a haiku about a printer that is out of cyan.
Can the landlord raise the rent twice in one year?
What does "idempotent" mean for a REST endpoint?
Why do cats knead blankets?
How is compound interest calculated when it accrues daily?
What are the early signs of dehydration in a toddler?
How do I sort a dictionary by value in Python?
Which vitamins dissolve in fat?
Should I repot an orchid while it flowers?
How do I prove that the square root of two is irrational?
What is the boiling point of ethanol at sea level?
Where did the phrase "red herring" come from?
How often should brake fluid be changed?
Is there a way to export all my notes as Markdown?
What happens to a savings account when its owner dies?
Can a tenant withhold rent if the heating is broken?
How do I set a static IP address on a Raspberry Pi?
What was the main cause of the Peloponnesian War?
Which side of the road do they drive on in Japan?
How do I remove red wine from a wool carpet?
Do I need a visa for a layover of nine hours in Istanbul?
""".strip().split("\n")

STATEMENTS = """
The device reboots in a loop after the 4.2.1 update; the LED blinks amber twice and then stays off.
Our nightly job wrote 1,204,331 rows on Monday and none on Tuesday, yet it exited with status zero.
She planted garlic in late October, mulched it with straw, and pulled forty-one heads the next July.
The committee did not reject the proposal; it asked for a second estimate and a shorter schedule.
Transfers above $10,000 need two approvals, one of them from outside the requesting team.
Photosynthesis turns light, water and carbon dioxide into sugar, and gives off oxygen on the way.
The train to Vienna leaves from platform 7 at 18:42, not from platform 9 as the app still claims.
After the merge the cache served an answer for another customer, which is the one thing it must never do.
A good knife needs an edge of fifteen to twenty degrees, a steady hand, and a board that is not glass.
Version 3 drops support for TLS 1.0 and 1.1, so clients older than 2014 will fail to connect.
He had walked the same ridge for thirty years and still stopped at the cairn to count the villages.
The sample mean is unbiased, but the sample maximum underestimates the bound of a uniform distribution.
Rain is expected from the west by noon, heavy at times, with gusts of 70 km/h along the coast.
If the patient is allergic to penicillin, do not give amoxicillin; ask about earlier reactions first.
The contract renews on 1 March unless either party gives notice in writing sixty days before.
Bees dance to tell the hive where the flowers are, how far, and whether the trip is worth it.
I paid twice for order #88-1402 and would like one of the payments returned to the same card.
The museum is closed on Mondays, free on the first Sunday of the month, and crowded on both.
Nobody in the room had read the appendix, where the authors withdraw half of their conclusion.
The bridge carries four lanes, two tracks and a footpath, and sways by design.
A semaphore with a count of one is almost a mutex, except that anyone may release it.
Interest is charged from the day of the withdrawal, with no grace period for cash advances.
Set the oven to 230 °C, preheat the stone for an hour, and bake the pizza for six minutes.
The old lighthouse keeper logged every ship for eleven years in the same green ink.
To reset the controller, hold both buttons for ten seconds until the display shows "8888".
Our flat has three rooms, a balcony to the south, and a neighbour who practises the tuba.
The function returns nil on success, which has confused every newcomer since 2011.
Glaciers in the valley retreated by 1.3 km between 1950 and 2020, most of it after 1990.
When the queue is full the producer blocks; when it is closed the producer panics.
Two of the five samples were contaminated, so the result was published with an asterisk.
""".strip().split("\n")

FOREIGN = """
Wie kann ich meine Rechnung als PDF herunterladen?
Die Straßenbahn fährt wegen Bauarbeiten nicht über den Königsplatz.
Où puis-je déclarer un changement d'adresse à la préfecture ?
L'été dernier, nous avons traversé les Cévennes à pied avec un âne têtu.
¿Cuál es el plazo para devolver un pedido internacional?
El niño soñó con un pingüino que vendía piñas en la plaza.
Qual è la differenza tra un bonifico e un assegno circolare?
Não consigo entrar na minha conta desde ontem à noite.
Jak zresetować hasło, jeśli nie mam dostępu do poczty?
Kde najdu příliš žluťoučkého koně a jak ho uklidním?
Hur lång tid tar det att få ett nytt körkort?
Miten haen opiskelijalippua, jos koulu on jo päättynyt?
Şifremi unuttum, hesabıma nasıl girebilirim?
Làm thế nào để đổi mật khẩu trên điện thoại?
Как восстановить удалённый файл из корзины?
Завтра в Санкт-Петербурге ожидается снег и сильный ветер.
Чому відмовлено у видачі візи і як подати апеляцію?
Πώς μπορώ να αλλάξω τον κωδικό πρόσβασής μου;
איך מבטלים הזמנה שכבר נשלחה?
كيف يمكنني تغيير كلمة المرور الخاصة بي؟
چگونه می‌توانم حساب خود را حذف کنم؟
मैं अपना पासवर्ड कैसे बदल सकता हूँ?
আমার অর্ডার কোথায় আছে?
எனது கணக்கை எப்படி நீக்குவது?
ฉันจะยกเลิกการสมัครสมาชิกได้อย่างไร
如何重置我的密码？
请把下面的合同翻译成英文，并标出付款期限。
パスワードを忘れた場合はどうすればいいですか？
東京から京都まで新幹線で何時間かかりますか。
비밀번호를 잊어버렸는데 어떻게 재설정하나요?
როგორ შევცვალო პაროლი?
Ինչպե՞ս փոխել գաղտնաբառը։
""".strip().split("\n")

CODE = [
    "SELECT user_id, COUNT(*) AS n FROM orders WHERE created_at >= '2024-01-01' GROUP BY user_id HAVING COUNT(*) > 3;",
    "for i, v := range xs {\n\tif v < 0 {\n\t\treturn fmt.Errorf(\"xs[%d] = %d is negative\", i, v)\n\t}\n}",
    "def median(xs):\n    xs = sorted(xs)\n    n = len(xs)\n    return xs[n // 2] if n % 2 else (xs[n // 2 - 1] + xs[n // 2]) / 2",
    "curl -sS -H 'Authorization: Bearer $TOKEN' https://api.example.com/v1/items?limit=50 | jq '.items[].name'",
    "panic: runtime error: index out of range [5] with length 5\n\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:17 +0x1d",
    "{\"error\": {\"code\": 429, \"message\": \"slow down\", \"retry_after\": 12.5}}",
    "git rebase --onto main feature~3 feature && git push --force-with-lease origin feature",
    "const debounce = (f, ms) => { let t; return (...a) => { clearTimeout(t); t = setTimeout(() => f(...a), ms) } }",
    "<button class=\"primary\" disabled aria-label=\"Save\">Save</button>",
    "impl Iterator for Countdown {\n    type Item = u32;\n    fn next(&mut self) -> Option<u32> { if self.0 == 0 { None } else { self.0 -= 1; Some(self.0) } }\n}",
    "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  ports:\n    - port: 80\n      targetPort: 8080",
    "x = (-b + sqrt(b^2 - 4ac)) / 2a; what if the discriminant is negative?",
    "E0502: cannot borrow `v` as mutable because it is also borrowed as immutable",
    "grep -rn --include='*.go' 'context.TODO()' . | wc -l",
    "TypeError: Cannot read properties of undefined (reading 'map') at List (List.jsx:12:22)",
    "\\int_0^\\infty e^{-x^2}\\,dx = \\frac{\\sqrt{\\pi}}{2}",
]

ODD = [
    "", " ", "?", "ok", "!!!", "42", "3.14159", "A", "é", "😀", "👩‍👩‍👧‍👦 family", "🚀🚀🚀 to the moon!!!", "----", "…", "\t\n", "THE QUICK BROWN FOX",
    "a" * 300, "ha" * 90, "0x7fff_ffff", "00:1A:2B:3C:4D:5E", "2001:db8::ff00:42:8329", "user.name+tag@example.co.uk",
    "https://example.com/a/b?c=d&e=%20f#frag", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "l33t sp34k 4 th3 w1n", "no no no no no no no no", "yes", "No.", "nO", "ﬁne ﬂour", "Ａｆｕｌｌｗｉｄｔｈ ｌｉｎｅ", "e\u0301 vs é", "tab\tseparated\tvalues",
    "C++ vs C# vs F#", "$1,234.56 != €1.234,56", "½ + ¼ = ¾", "x² + y² = r²", "№ 5 § 12 ¶ 3", "‘quoted’ “text” — dash – dash", "antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis",
]

PREFIXES = ["", "Hi team, ", "Quick question: ", "Sorry to bother you again, but ", "URGENT: ", "hey, ", "For a friend: ", "As discussed yesterday, "]
SUFFIXES = ["", " Thanks!", " Please answer in one sentence.", " I have already tried turning it off and on again.", " pls help", " (using version 2.7 on Windows 11)", " It is for an essay of 500 words.", " My deadline is Friday at 5 pm."]
