"""Hip, knee and ankle angles over one running stride.

The mean of two runners at 2.5 m/s (BMC01 and BMC08, treadmill, shod) of Fukuchi, Fukuchi and Duarte, "A public dataset
of running biomechanics and the effects of running speed on lower extremity kinematics and kinetics", PeerJ 5:e3298
(2017), CC BY 4.0, as time-normalised in github.com/regifukuchi/BMC-RIC-running-biomechanics (CC BY 4.0). The foot that
follows from them is flat within 0.5 deg from 10 to 20 % of the stride, so that a level pelvis can be assumed.
"""

from __future__ import annotations

from ankle_imu_driver.simulator.normative_gait import GaitPattern

# fmt: off
RUN = GaitPattern(
    hip=(28.1, 26.4, 26.2, 23.8, 16.9, 7.4, -1.9, -8.7, -11.6, -10.5, -6.5, -1.4, 5.9, 15.9, 26.6, 34.9, 39.6, 40.5,
         37.0, 32.4),
    knee=(17.2, 24.8, 36.7, 41.3, 39.2, 30.8, 20.6, 13.8, 12.9, 20.0, 36.3, 55.4, 73.9, 87.7, 93.4, 89.6, 77.7, 59.0,
          37.8, 23.2),
    ankle=(2.7, 1.5, 11.0, 18.0, 22.0, 20.2, 11.1, -2.9, -15.3, -20.7, -17.9, -11.7, -6.2, -1.2, 3.4, 6.8, 8.6, 8.3,
           6.2, 5.8),
    flat=0.07, heel_off=0.21, toe_off=0.38,
)
# fmt: on
