package main

// cli is the command line. Each command lives in the file of its name.
type cli struct {
	Serve    serveCmd    `cmd:"" help:"Serve the API on --listen and answer from the cache where that is safe."`
	Demo     demoCmd     `cmd:"" help:"Show the cache at work, offline: no key, no download, nothing left behind."`
	Bench    benchCmd    `cmd:"" help:"Measure, and say on what machine."`
	Explain  explainCmd  `cmd:"" help:"Say whether the answer to one question would be served for another, and why."`
	Estimate estimateCmd `cmd:"" help:"Say what a cache would have saved of past traffic, how much of it wrong, and which of its answers to read first."`
	Check    checkCmd    `cmd:"" help:"Read a whole cache file and list everything that is wrong with it."`
	Backup   backupCmd   `cmd:"" help:"Write a consistent copy of the file, also while a server serves from it, and check it."`
	Restore  restoreCmd  `cmd:"" help:"Check a backup and make it the cache's file."`
	Compact  compactCmd  `cmd:"" help:"Make the file as small as its content allows, also while a server serves from it."`
	Export   exportCmd   `cmd:"" help:"Write every entry as a line of JSON, from a file or from a server that has it open."`
	Import   importCmd   `cmd:"" help:"Store past traffic, or entries that were exported, in a file or through a server that has it open."`
	Entries  entriesCmd  `cmd:"" help:"Show, judge and remove single answers."`
	Keys     keysCmd     `cmd:"" help:"Make, list, change, rotate and revoke the gateway's keys and those that it keeps of providers, and seal these anew."`
	Logs     logsCmd     `cmd:"" help:"Show the request log, from its file or through the server that has it open."`
	Config   configCmd   `cmd:"" help:"Show and check the configuration; save, list, roll back and delete request configs."`
	Version  versionCmd  `cmd:"" help:"Say what this binary is; reprise --version does, too."`
}
