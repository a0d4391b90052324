"""The hardware driver of the MPU6050 on I2C: registers, bus, device, faults, acquisition. No ROS, no emulator here."""
