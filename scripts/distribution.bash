# Sourced by the other scripts, and takes `--ros NAME` from the beginning of their arguments: the wheels of that ROS 2, in an
# environment of its own. Without it: the ROS 2 that is sourced, or the wheels of Kilted.
chosen= suffix=
if [ "${1:-}" = --ros ]; then
    case "${2:-}" in
    kilted) ;;
    jazzy) suffix=-jazzy ;;
    *)
        echo "${0}: --ros takes kilted or jazzy, not '${2:-}'" >&2
        exit 2
        ;;
    esac
    chosen=$2
    shift 2
fi
