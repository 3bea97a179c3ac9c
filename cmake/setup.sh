# Functions of the run scripts, for any POSIX sh: `. cmake/setup.sh`. They install what is missing, configure and build.
# The caller has set `root` to the folder of the project.

say() { printf '== %s\n' "$*"; }
complain() {
  printf 'vitrail: %s\n' "$*" >&2
  exit 1
}

# need_packages PACKAGE... : installs the Debian packages that are missing. On other systems looks for the tools only;
# CMake then finds the libraries, or fetches the header-only ones.
need_packages() {
  if ! command -v apt-get > /dev/null 2>&1 || ! command -v dpkg-query > /dev/null 2>&1; then
    need_tools
    return
  fi
  missing=
  for package in "$@"; do
    case $(dpkg-query -W -f '${Status}' "$package" 2> /dev/null || true) in
      'install ok installed') ;;
      *) missing="$missing $package" ;;
    esac
  done
  [ -n "$missing" ] || return 0
  how="apt-get install$missing"
  if [ "$(id -u)" = 0 ]; then
    as_root=
  elif command -v sudo > /dev/null 2>&1 && { [ -t 0 ] || sudo -n true 2> /dev/null; }; then
    as_root=sudo
  else
    complain "these Debian packages are missing and only root can install them; please run: $how"
  fi
  say "installing$missing"
  log=$(mktemp)
  if ! { $as_root apt-get update && install_packages $missing; } > "$log" 2>&1; then
    tail -n 5 "$log" >&2
    rm -f "$log"
    complain "these Debian packages are missing and could not be installed (is there a network?); please run: $how"
  fi
  rm -f "$log"
}

install_packages() {
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" < /dev/null
}

need_tools() {
  missing=
  for tool in cmake ninja; do
    command -v "$tool" > /dev/null 2>&1 || missing="$missing $tool"
  done
  command -v "${CXX:-c++}" > /dev/null 2>&1 || missing="$missing ${CXX:-c++}"
  [ -z "$missing" ] || complain "please install$missing, and the libraries that README.md names, then run this again"
}

# What every script needs.
need_basics() {
  need_packages cmake g++ ninja-build libeigen3-dev doctest-dev nlohmann-json3-dev libcli11-dev \
    libjpeg-dev libpng-dev zlib1g-dev pkgconf
}

# How many compilers to run: one for each processor, and for each gigabyte and a half of memory that is free.
jobs() {
  processors=$(nproc 2> /dev/null || getconf _NPROCESSORS_ONLN 2> /dev/null || echo 1)
  memory=$(awk '/^MemAvailable:/ { print int($2 / 1500000) }' /proc/meminfo 2> /dev/null || true)
  [ -n "$memory" ] || memory=$processors
  [ "$memory" -ge 1 ] || memory=1
  if [ "$memory" -lt "$processors" ]; then echo "$memory"; else echo "$processors"; fi
}

# configure FOLDER ARGUMENTS... : runs cmake; starts afresh where the folder was configured for sources elsewhere.
configure() {
  folder=$1
  shift
  if [ -f "$folder/CMakeCache.txt" ]; then
    home=$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$folder/CMakeCache.txt")
    [ "$home" = "$root" ] || rm -rf "$folder/CMakeCache.txt" "$folder/CMakeFiles"
  fi
  if [ -f "$folder/CMakeCache.txt" ]; then
    cmake -S "$root" -B "$folder" "$@"
  else
    cmake -S "$root" -B "$folder" -G Ninja "$@"
  fi
}

# compile FOLDER [TARGET...]
compile() {
  folder=$1
  shift
  if [ $# = 0 ]; then set -- all; fi
  cmake --build "$folder" --parallel "$(jobs)" --target "$@"
}

# check FOLDER ARGUMENTS... : runs the tests; an empty list of tests is a failure.
check() {
  folder=$1
  shift
  ctest --test-dir "$folder" --output-on-failure --no-tests=error --no-label-summary --parallel "$(jobs)" "$@"
}
