"""The MPU6050 on I2C: registers, bus, device, faults, acquisition, and an emulated chip; no ROS in here."""
