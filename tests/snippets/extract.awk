# Turns the C++ blocks of a Markdown page into programs, in the folder `out`: block_<line>.cpp for every block that has a
# main of its own, and page.cpp for all the others together. CONTRIBUTING.md explains the convention.
#   awk -v out=folder -v page=docs/page.md -f extract.awk docs/page.md

function fail(message) {
  print page ":" NR ": " message > "/dev/stderr"
  failed = 1
  exit 1
}

# How many more braces a line of code opens than it closes.
function depth_change(code,   opened) {
  gsub(/"([^"\\]|\\.)*"|'.'/, "", code)
  sub(/\/\/.*/, "", code)
  opened = gsub(/\{/, "", code)
  return opened - gsub(/\}/, "", code)
}

function is_definition(code) {
  if (code ~ /^(struct|class|enum|union|template|namespace|using|concept|inline|#)/) return 1
  return code ~ /^[A-Za-z_][A-Za-z0-9_:<>,&* ]*[ &*][A-Za-z_0-9]+\([^=]*\)[^=]*\{/ && code !~ /\[.*\]/
}

function start_block(kind) {
  inside = 1
  first = NR + 1
  count = 0
  has_main = 0
  how = kind
}

function end_block(   i, name, depth, within, opens, code) {
  inside = 0
  if (how == "ignore") return
  if (has_main) {
    name = out "/block_" first ".cpp"
    printf "#line %d \"%s\"\n", first, page > name
    for (i = 1; i <= count; ++i) print lines[i] > name
    close(name)
    return
  }
  any = 1
  body = body (how == "no_run" ? "if (argc > 99) {\n" : "{\n") "#line " first " \"" page "\"\n"
  if (how != "no_run") ++open_scopes
  within = 0
  for (i = 1; i <= count; ++i) {
    code = lines[i]
    if (!within && is_definition(code)) {
      within = 1
      depth = 0
      outside = outside "#line " (first + i - 1) " \"" page "\"\n"
    }
    if (within) {
      outside = outside code "\n"
      depth += depth_change(code)
      sub(/[ \t]*(\/\/.*)?$/, "", code)
      if (code ~ /^#/ || depth == 0 && code ~ /[;}]$/) {
        within = 0
        body = body "#line " (first + i) " \"" page "\"\n"
      }
    } else {
      body = body code "\n"
    }
  }
  if (how == "no_run") body = body "}\n"
}

inside && !hidden && /^ *```/ || inside && hidden && /^ *-->/ { end_block(); next }
inside {
  code = $0
  if (substr(code, 1, indent) ~ /^ *$/) code = substr(code, indent + 1)
  if (code ~ /^int main\(/) has_main = 1
  lines[++count] = code
  next
}
other_fence { if (/^ *```/) other_fence = 0; next }
/^ *```(cpp|c\+\+|C\+\+|cxx|cc)/ {
  match($0, /^ */)
  indent = RLENGTH
  hidden = 0
  if ($1 != "```cpp") fail("C++ is fenced as ```cpp, so that it is compiled")
  if (NF > 2 || NF == 2 && $2 != "ignore" && $2 != "no_run") fail("after ```cpp may stand ignore or no_run only")
  if ($2 == "ignore" && page ~ /(^|\/)README\.md$/) fail("nothing in README.md may be ignored")
  start_block($2)
  next
}
/^ *```/ { other_fence = 1; next }
/^ *<!-- *cpp *$/ { indent = 0; hidden = 1; start_block(""); next }

END {
  if (failed) exit 1
  if (inside) fail("the block is never closed")
  if (any) {
    name = out "/page.cpp"
    printf "using namespace mesaopt;\n%s\nint main([[maybe_unused]] int argc, char**) {\n%s", outside, body > name
    while (open_scopes-- > 0) print "}" > name
    print "}" > name
  }
}
