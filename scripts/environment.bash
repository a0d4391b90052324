# Sourced by the other scripts: the environment that scripts/setup made. Leaves the working directory alone.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
. "$root/scripts/distribution.bash"
venv=$root/.venv$suffix install=$root/install$suffix
if [ ! -f "$install/local_setup.bash" ]; then
    echo "${0}: not built yet; run $root/scripts/setup${suffix:+ --ros $chosen} first" >&2
    exit 1
fi
if [ -d "$venv/share/rclpy" ]; then # ROS 2 as wheels: nothing of another ROS may shine through
    if [ -n "${ROS_DISTRO:-}" ]; then unset LD_LIBRARY_PATH ROS_DISTRO; fi
    unset PYTHONPATH PYTHONHOME CMAKE_PREFIX_PATH
    export AMENT_PREFIX_PATH=$venv
elif [ -z "${ROS_DISTRO:-}" ]; then
    echo "${0}: built on a ROS 2 that is not sourced here; source its setup.bash, or run scripts/setup for the wheels" >&2
    exit 1
fi
export VIRTUAL_ENV=$venv PATH=$venv/bin:$PATH
set +u # colcon's script reads variables that may be unset
. "$install/local_setup.bash"
set -u
