"""Word lists that the rule-made pairs draw on. Written for this project."""

# Pairs whose exchange turns a question into another one; "_" stands for a blank.
OPPOSITES = [
    tuple(w.replace("_", " ") for w in p.split("/"))
    for p in """
    on/off enable/disable activate/deactivate turn_on/turn_off include/exclude allow/block allow/forbid allowed/banned
    permitted/prohibited legal/illegal lawful/unlawful safe/unsafe safe/dangerous possible/impossible required/optional
    mandatory/voluntary compulsory/optional accept/reject accept/decline approve/deny approved/refused grant/revoke
    start/stop begin/end start/finish open/close opening/closing open/closed lock/unlock locked/unlocked freeze/unfreeze
    mute/unmute block/unblock follow/unfollow pin/unpin archive/unarchive hide/show hidden/visible link/unlink pair/unpair
    install/uninstall subscribe/unsubscribe register/unregister opt_in/opt_out opt_into/opt_out_of log_in/log_out
    sign_in/sign_out sign_up/cancel join/leave add/remove insert/delete attach/detach mount/unmount connect/disconnect
    plug_in/unplug upload/download import/export push/pull send/receive sender/recipient encode/decode encrypt/decrypt
    compress/decompress zip/unzip merge/split expand/collapse upgrade/downgrade increase/decrease raise/lower higher/lower
    highest/lowest more/less more/fewer most/least maximum/minimum max/min longest/shortest largest/smallest bigger/smaller
    fastest/slowest cheapest/dearest cheap/expensive best/worst better/worse early/late earliest/latest newest/oldest
    before/after first/last next/previous ascending/descending left/right up/down above/below over/under inside/outside
    indoor/outdoor indoors/outdoors front/back top/bottom with/without always/never buy/sell buyer/seller buying/selling
    lend/borrow lender/borrower deposit/withdraw deposit/withdrawal credit/debit gain/lose gain/loss profit/loss win/lose
    earn/spend save/spend hire/fire employ/dismiss landlord/tenant employer/employee parent/child teacher/student
    doctor/patient arrive/depart arrival/departure arrivals/departures inbound/outbound incoming/outgoing check_in/check_out
    public/private shared/private free/paid taxable/tax-free covered/excluded refundable/non-refundable wet/dry hot/cold
    warm/cool heat/cool thaw/freeze raw/cooked sweet/savoury advantages/disadvantages pros/cons benefits/drawbacks
    benefits/risks strengths/weaknesses cause/prevent causes/effects love/hate like/dislike agree/disagree trust/distrust
    true/false positive/negative pass/fail male/female man/woman men/women boy/girl husband/wife mother/father son/daughter
    mum/dad brother/sister uncle/aunt his/her lose_weight/gain_weight speed_up/slow_down turn_up/turn_down put_on/take_off
    can/can't do/don't does/doesn't is/isn't are/aren't will/won't should/shouldn't did/didn't have/haven't has/hasn't
    synchronous/asynchronous mutable/immutable static/dynamic internal/external input/output read/write online/offline
    temporary/permanent old/new existing/new domestic/international full-time/part-time horizontal/vertical
    """.split()
]

# Members of a row are alike in kind, so one in another's place reads well and asks something else.
SIBLINGS = [
    [w.strip() for w in row.split(",")]
    for row in """
    January, February, March, April, May, June, July, August, September, October, November, December
    Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday
    spring, summer, autumn, winter
    morning, afternoon, evening, night
    breakfast, lunch, dinner
    today, tomorrow, yesterday
    last, next, this
    daily, weekly, monthly, quarterly, yearly
    second, minute, hour, day, week, month, year
    seconds, minutes, hours, days, weeks, months, years
    first, second, third, fourth, fifth
    adults, children, teenagers, babies, seniors
    adult, child, teenager, baby, pensioner
    students, pensioners, veterans, teachers, nurses
    employee, contractor, freelancer, intern
    tenant, homeowner, lodger
    resident, visitor, citizen
    single, married, divorced, widowed
    pregnant, breastfeeding
    Android, iPhone, Windows, Mac, Linux
    phone, tablet, laptop, desktop
    Chrome, Firefox, Safari, Edge
    Gmail, Outlook, Yahoo
    WhatsApp, Telegram, Signal, Messenger
    Facebook, Instagram, Twitter, TikTok, LinkedIn
    Netflix, Spotify, YouTube, Disney
    Visa, Mastercard, PayPal
    Word, Excel, PowerPoint
    PDF, CSV, JSON, XML
    Python, Java, JavaScript, Go, Rust, Ruby, PHP
    MySQL, Postgres, MongoDB, SQLite, Redis
    AWS, Azure, GCP
    React, Angular, Vue
    Git, Mercurial, Subversion
    rows, columns
    row, column
    file, folder
    staging, production
    London, Paris, Berlin, Madrid, Rome, Dublin
    India, Germany, France, Spain, Italy, Canada, Australia, Japan, Brazil, Ireland
    UK, US, EU
    English, French, German, Spanish, Italian, Hindi
    dollars, pounds, euros, rupees, yen
    miles, kilometres
    Celsius, Fahrenheit
    kilograms, pounds, stone
    dog, cat, rabbit, horse, hamster
    puppy, kitten
    car, van, motorbike, lorry, bicycle
    petrol, diesel, electric, hybrid
    train, bus, plane, ferry, taxi
    house, flat, bungalow
    kitchen, bathroom, bedroom, garage
    mortgage, loan, overdraft
    savings account, current account, joint account
    debit card, credit card
    cash, card, cheque
    gas, electricity, water
    home insurance, car insurance, travel insurance, pet insurance, life insurance
    personal, business
    basic, standard, premium
    economy, business class, first class
    small, medium, large
    beginner, intermediate, advanced
    red, white, blue, black, green, yellow
    north, south, east, west
    chicken, beef, pork, fish, tofu
    rice, pasta, potatoes, bread
    boiled, fried, baked, grilled, steamed
    gluten-free, vegan, vegetarian, halal, kosher
    arm, leg, back, knee, shoulder
    headache, fever, cough, rash
    father, mother, brother, sister, uncle, grandmother
    email, phone, post, text message
    """.strip().splitlines()
]

NUMBER_WORDS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60,
    "ninety": 90, "hundred": 100, "thousand": 1000,
}  # fmt: skip

# Appended to a question, each narrows it.
NARROWINGS = """
in the UK; in India; in the US; for a student; for children; for beginners; on a Mac; on Android; without an account;
if I am under 18; at night; in winter; for free; for a business; from abroad; after two years; by phone; without a receipt;
as a freelancer; on behalf of someone else; with a disability; on a tight budget; without the original box; over a weekend;
while pregnant; with no internet; for a second time; in an emergency
""".replace("\n", " ").strip().split("; ")

# Courtesy and noise around a question: they never change what is asked.
OPENERS = """
hi, |hello, |hey, |Hi there! |Good morning. |please, |quick question: |ok so |okay, |just wondering, |sorry to bother you, |um, |so, |
one more thing, |Can you tell me: |Could you help me? |I'd like to know: |Need help. |question - |hey guys, |
""".replace("\n", "").split("|")[:-1]
CLOSERS = [" thanks", " please", " pls", " thank you", " Thanks!", " asap", " cheers", " Thanks in advance.", " any ideas?", " plz", "??", "!"]

# Openings of a question that may stand in for one another; the rest follows unchanged.
FRAMES = [
    ["how do i", "how can i", "how would i", "how do you", "how does one", "what's the way to", "i need to know how to", "how to",
     "please tell me how to", "what do i have to do to", "steps to", "could you explain how to", "show me how to",
     "is there a way to", "i want to", "i'd like to", "what is the process to", "can you help me"],
    ["what is", "what's", "whats", "tell me", "could you tell me what is", "i'd like to know what is", "please explain what is"],
    ["what are", "what're", "tell me", "list", "could you tell me what are"],
    ["can i", "may i", "am i able to", "is it possible to", "is it possible for me to", "could i", "am i allowed to"],
    ["why is", "how come", "what's the reason", "why exactly is"],
    ["where can i", "where do i", "where should i go to", "where could i"],
    ["how long does it take to", "how much time does it take to", "how long will it take to", "time needed to"],
    ["how much does", "how much would"],
    ["is there", "does there exist", "do you know if there is"],
    ["do i need", "must i have", "is it necessary to have", "am i required to have"],
    ["what happens if", "what will happen if", "what would happen if", "what's the consequence if"],
]  # fmt: skip

# The same thing said with another spelling, region or length; "-" stands for a blank.
SPELLINGS = [
    tuple(w.replace("-", " ") if w not in ("wi-fi", "e-mail", "log-in", "to-do") else w for w in p.split("/"))
    for p in """colour/color favourite/favorite organise/organize cancelled/canceled centre/center metre/meter
    programme/program grey/gray behaviour/behavior analyse/analyze catalogue/catalog travelling/traveling
    jewellery/jewelry doughnut/donut wifi/wi-fi email/e-mail ok/okay log-in/login to-do/todo can't/cannot don't/do-not won't/will-not
    i'm/i-am it's/it-is what's/what-is isn't/is-not doesn't/does-not you're/you-are i've/i-have couldn't/could-not and/& mum/mom
    mobile/cell-phone petrol/gasoline holiday/vacation lorry/truck rubbish/trash
    bike/bicycle phone/telephone tv/television fridge/refrigerator ad/advert photo/picture info/information app/application kids/children
    maths/math pic/photo exam/examination gym/fitness-centre plane/aeroplane laptop/notebook-computer buy/purchase help/assist begin/start
    get-rid-of/remove fix/repair quick/fast big/large find-out/learn keep/retain need/require show/display choose/select""".split()
]

# Hasty writing: a word, then what people type for it.
SHORT_FORMS = [
    tuple(p.split("/"))
    for p in """please/pls/plz you/u your/ur are/r because/cuz/cos people/ppl hours/hrs hour/hr minutes/mins minute/min weeks/wks years/yrs
    year/yr months/mths seconds/secs average/avg number/no message/msg messages/msgs account/acct document/doc documents/docs password/pw
    before/b4 something/smth through/thru tomorrow/tmrw picture/pic about/abt should/shd would/wd between/btw question/q address/addr
    maximum/max minimum/min temperature/temp application/app repository/repo database/db configuration/config administrator/admin
    authentication/auth directory/dir environment/env parameters/params parameter/param government/govt appointment/appt university/uni
    apartment/apt refrigerator/fridge management/mgmt manager/mgr kilograms/kg kilometres/km centimetres/cm metres/m feet/ft pounds/lbs
    September/Sept/Sep January/Jan February/Feb August/Aug October/Oct November/Nov December/Dec Monday/Mon Friday/Fri what/wat
    don't/dont can't/cant isn't/isnt doesn't/doesnt what's/whats I'm/im I've/ive it's/its won't/wont didn't/didnt how's/hows
    cannot/cant and/n thanks/thx with/w without/w-o""".split()
]

# Exchanged ends turn these round. First what may stand at the ends and for {t}, then ways to say one thing.
_PLACES = "Delhi|Mumbai|London|Leeds|Berlin|Vienna|Paris|Madrid|Boston|Chicago|the airport|the city centre|Kraków|Lisbon".split("|")
_ACCOUNTS = "my savings|my current account|my wallet|the joint account|my ISA|PayPal|Revolut|my brokerage account|Monzo".split("|")
_FORMATS = "Word|PDF|Excel|CSV|JSON|XML|Markdown|HTML|PNG|JPEG|Google Sheets|Keynote|PowerPoint|MP3|WAV".split("|")
_SYSTEMS = """MySQL|Postgres|iPhone|Android|Gmail|Outlook|Dropbox|Google Drive|Slack|Teams|Windows|Linux|GitHub|GitLab|staging|production|
Notion|Jira|Trello|my laptop|my phone|the server|S3|my old PC""".replace("\n", "").split("|")
_UNITS = "Celsius|Fahrenheit|miles|kilometres|USD|GBP|EUR|INR|cups|grams|pounds|kilos|acres|hectares|UTC|Eastern time".split("|")
_TONGUES = "English|French|German|Spanish|Italian|Hindi|Japanese|Polish|Java|Python|Go|Rust|JavaScript|TypeScript".split("|")
_PEOPLE = """the landlord|the tenant|the buyer|the seller|my employer|my manager|the bank|the customer|my ex|my sister|my neighbour|the shop|
the courier|the contractor|the insurer|the driver|the school|the parents|the doctor|the patient|the trustee|the lender""".replace("\n", "").split("|")
_GOODS = "oat milk|cow's milk|gas heating|a heat pump|an SSD|a hard drive|leasing|buying|yoga|running|REST|GraphQL|tea|coffee|Postgres|MongoDB|a hybrid|an electric car".split("|")
_EVENTS = "eating|training|the update|the backup|the interview|sowing|pruning|the merge|the release|painting|sanding|the deposit|the survey|sleeping|the flight|check-in".split("|")
_MONEY = "money|fifty pounds|two hundred dollars|my balance|the rent|my bonus".split("|")
_DATA = "my data|my files|my contacts|the database|photos|old tickets|my repo|all the notes|backups|a big folder".split("|")
DIRECTIONS = [
    (([_ACCOUNTS], _MONEY), "How do I move {t} from {a} to {b}?", "transfer {t} out of {a} into {b}", "get {t} into {b} from {a}",
     "I have {t} in {a} and want it in {b}", "what's the way to top up {b} with {t} from {a}", "Send {t} over to {b}, taking it from {a}"),
    (([_SYSTEMS], _DATA), "migrate {t} from {a} to {b}", "How can I get {t} off {a} and onto {b}?", "import {t} into {b} from {a}",
     "{t} is on {a}, how do I copy it to {b}", "export {t} out of {a} for use in {b}", "bring {t} over to {b} from {a}", "sync {t} from {a} into {b}"),
    (([_FORMATS], None), "convert {a} to {b}", "How do I turn a {a} file into {b}?", "I've got it as {a} and need {b}", "save {a} as {b}",
     "make {b} out of {a}", "{a} to {b} converter", "what's the easiest way of getting {b} when all I have is {a}"),
    (([_UNITS], None), "convert from {a} to {b}", "what is it in {b} if I have it in {a}", "{a} to {b}", "how do I work out {b} from {a}?",
     "formula that takes {a} and gives {b}", "turn {a} into {b}"),
    (([_TONGUES], None), "translate from {a} to {b}", "Translate this {a} text into {b}", "I have it in {a}, give me the {b} version",
     "put {a} into {b}", "rewrite this in {b}, it's in {a} now", "{a}-to-{b} translation", "port code or text written in {a} to {b}"),
    (([_PLACES], None), "How do I get from {a} to {b}?", "travel to {b} starting in {a}", "route {a} to {b}", "I'm in {a}, best way to reach {b}",
     "directions to {b} from {a}", "leaving {a}, arriving in {b}: what are my options"),
    (([_PLACES], None), "How long does the trip from {a} to {b} take?", "travel time to {b} from {a}", "hours between leaving {a} and being in {b}",
     "how many hours from {a} until I'm in {b}"),
    (([_PEOPLE], None), "Can {a} sue {b}?", "is it possible for {a} to take {b} to court", "may {b} be sued by {a}", "does {a} have a legal claim against {b}"),
    (([_PEOPLE], None), "Does {a} have to pay {b}?", "is {b} owed money by {a}", "must {b} be paid by {a}", "who says {a} needs to give money to {b}?", "is {a} obliged to pay anything to {b}"),
    (([_PEOPLE], None), "how much notice must {a} give {b}", "What notice period does {b} get from {a}?", "{a} wants out, how far ahead must {b} be told"),
    (([_GOODS], None), "why is {a} better than {b}", "What makes {a} preferable to {b}?", "what does {a} have over {b}", "in what ways is {b} worse than {a}"),
    (([_GOODS], None), "how do I switch from {a} to {b}", "replace {a} with {b}", "I want to give up {a} in favour of {b}, how?", "moving to {b} after years of {a}", "swap out {a} for {b}"),
    (([_GOODS], None), "does {a} cost more than {b}", "is {b} cheaper than {a}?", "is {a} the dearer of the two, next to {b}"),
    (([_EVENTS], None), "how long should I wait after {a} before {b}", "What gap do I leave between {a} and then {b}?", "{a} is done, when may {b} follow", "how soon after {a} is {b} ok"),
    (([_EVENTS], None), "should {a} come before {b}", "Do I do {a} first and {b} afterwards?", "is it right to leave {b} until {a} is over"),
    (([_PEOPLE], None), "write an email from {a} to {b}", "draft a message to {b} on behalf of {a}", "what should {a} write to {b}", "letter to {b}, sent by {a}"),
    (([_SYSTEMS], None), "let {a} connect to {b}", "How can I give {a} access to {b}?", "allow {b} to be reached from {a}", "open a connection that goes from {a} to {b}"),
    (([_SYSTEMS], None), "redirect from {a} to {b}", "send whoever lands on {a} over to {b}", "Forward everything on {a} to {b}", "{b} should receive what arrives at {a}"),
    (([_SYSTEMS], None), "does {a} depend on {b}", "is {b} needed by {a}?", "will {a} break if {b} is gone", "is {b} a dependency of {a}"),
]  # fmt: skip

# Ways to ask one thing about a noun ({}: a name or a definition), by its field in WordNet. Two rows of a field ask different things.
TOPICS = {
    "any": [
        ["what is {}", "explain {}", "what does {} mean", "meaning of {}", "tell me what {} is", "I'd like to understand {}", "can you describe {}", "definition of {}", "what's {} exactly"],
        ["history of {}", "where does {} come from originally", "tell me how {} came about", "what are the origins of {}"],
        ["give me examples of {}", "what are some examples of {}", "name a few instances of {}", "some examples of {} please"],
    ],
    "act": [["how do I get started with {}", "beginner's steps for {}", "I'm new to {}, where do I begin", "first steps in {}"],
            ["is {} legal", "does the law allow {}", "can I get in trouble for {}", "is {} against the law"],
            ["what are the benefits of {}", "why is {} good", "advantages of {}", "what do people gain from {}"]],
    "animal": [["what does {} eat", "diet of {}", "what do I feed {}", "food for {}"], ["how long does {} live", "lifespan of {}", "what age does {} reach"],
               ["is {} dangerous", "can {} hurt people", "should I be afraid of {}"]],
    "artifact": [["how does {} work", "explain the way {} works", "what's the working principle of {}", "how come {} does what it does"],
                 ["how much does {} cost", "price of {}", "what would I pay for {}", "is {} expensive, roughly what sum"],
                 ["how do I clean {}", "best way of cleaning {}", "get dirt off {}"], ["how do I repair {}", "{} is broken, how can it be fixed", "fixing {}"],
                 ["who invented {}", "inventor of {}", "who came up with {}"]],
    "thought": [["why does {} matter", "importance of {}", "what makes {} important"], ["how do I get better at {}", "improve at {}", "learn {}"]],
    "message": [["how do I write {}", "help me with writing {}", "tips for composing {}"], ["how long should {} be", "right length for {}", "is there a usual length for {}"]],
    "food": [["how do I make {}", "recipe for {}", "what's the way to prepare {}", "cook {}"], ["how many calories are in {}", "energy content of {}", "will {} make me fat, calories wise"],
             ["can I freeze {}", "does {} keep in the freezer", "is freezing {} ok"], ["what goes well with {}", "what should I serve with {}", "best companion to {}"]],
    "group": [["how do I join {}", "become part of {}", "what do I have to do to get into {}"], ["who leads {}", "who is in charge of {}"]],
    "plant": [["how do I grow {}", "growing {} at home", "what does {} need to thrive"], ["is {} poisonous", "can {} make me or my dog ill", "toxicity of {}"],
              ["when do I plant {}", "best month for putting {} in the ground"]],
    "possession": [["how does {} work", "explain the way {} works", "mechanics of {}"], ["who has to pay {}", "who is liable for {}", "is it me who must pay {}"],
                   ["how is {} calculated", "work out {}", "formula for {}"], ["how do I claim {}", "apply for {}", "steps to receive {}"]],
    "process": [["how long does {} take", "duration of {}", "time needed for {}"], ["what causes {}", "why does {} happen", "reason for {}"], ["how can I stop {}", "prevent {}", "ways of avoiding {}"]],
    "state": [["what causes {}", "why do people get {}", "reasons for {}"], ["how is {} treated", "treatment for {}", "what helps against {}", "cure for {}"],
              ["what are the signs of {}", "how do I know that I have {}", "symptoms of {}"], ["how can I prevent {}", "ways to avoid {}", "lower my risk of {}"]],
    "substance": [["what is {} used for", "uses of {}", "what can I do with {}"], ["is {} dangerous", "health risks of {}", "is contact with {} harmful"], ["where can I buy {}", "get hold of {}", "which shops sell {}"],
                  ["how do I dispose of {}", "throw away {} safely", "getting rid of {}"]],
}  # fmt: skip

# The keys beside each on a QWERTY keyboard.
NEIGHBOURS = {
    k: near
    for k, near in zip(
        "qwertyuiopasdfghjklzxcvbnm",
        """wa qes wrd etf ryg tuh yij uok ipl ol qsz awdx sefc drgv fthb gyjn hukm jil kop asx zsdc xdfv cfgb vghn bhjm njk""".split(),
    )
}
