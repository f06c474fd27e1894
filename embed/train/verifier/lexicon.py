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

# Exchanged ends turn these round.
DIRECTIONS = [
    "How do I move {t} from {a} to {b}?", "Transfer {t} from {a} to {b}", "switch {t} from {a} to {b}", "Convert {a} to {b}",
    "how to convert from {a} to {b}", "How long does it take to get from {a} to {b}?", "cheapest way to send {t} from {a} to {b}",
    "Can I migrate {t} over to {b} from {a}?", "Translate from {a} to {b}", "does {a} charge more than {b} for {t}?",
    "is {a} better than {b} for {t}", "sync {t} from {a} into {b}", "what replaced {a} with {b}", "redirect {t} from {a} to {b}",
]  # fmt: skip
ENDS = """my savings|my current account|my wallet|Word|PDF|Excel|CSV|MySQL|Postgres|iPhone|Android|Gmail|Outlook|USD|GBP|EUR|
Celsius|Fahrenheit|miles|kilometres|Dropbox|Google Drive|Slack|Teams|English|French|Java|Python|Windows|Linux|GitHub|GitLab|
Delhi|Mumbai|London|Leeds|Berlin|Vienna|staging|production|Notion|Jira|HDMI|USB-C""".replace("\n", "").split("|")
THINGS = "money|my data|my files|fifty pounds|my account|my contacts|the database|two hundred dollars|photos|payments|old tickets".split("|")
