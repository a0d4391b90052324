"""An emulated MPU6050 on an emulated I2C bus, for running the hardware driver without hardware."""
